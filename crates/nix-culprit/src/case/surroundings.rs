//! What cases need of the machine, and what evaluators are made of.

use nix_culprit_core::event::Event;

use super::expected::Expected;
use super::hashes::Hashes;
use super::meter::Meter;
use super::nix_evaluator::Tools;
use super::settings::Settings;
use crate::sys::git::Git;
use crate::sys::interrupt::Interrupt;
use crate::sys::limit::Guard;
use crate::sys::nix::{Installed, Nix};

/// What an investigation needs of the machine.
#[derive(Debug)]
pub struct Surroundings {
    /// The limits.
    pub guard: Guard,
    /// Whether somebody asked to stop.
    pub interrupt: Interrupt,
    /// Where other Nix programs may be.
    pub installed: Installed,
    /// Who is told of what runs.
    pub(super) meter: Meter,
}

impl Surroundings {
    /// Takes what there is.
    #[must_use]
    pub fn new(guard: Guard, interrupt: Interrupt, installed: Installed) -> Self {
        Self { guard, interrupt, installed, meter: Meter::default() }
    }

    /// Returns what an evaluator is made of that evaluates many times.
    pub(super) fn tools(&self, settings: &Settings, nix: Nix, git: Git) -> Tools {
        Tools {
            nix,
            git,
            guard: self.guard.one_after_another(),
            time: settings.time,
            interrupt: self.interrupt.clone(),
            hashes: Hashes::default(),
            expected: Expected::default(),
            meter: self.meter.clone(),
        }
    }

    /// Makes the event that tells what is begun, with which Nix, and under which limits.
    pub(super) fn started(&self, settings: &Settings, nix: String) -> Event {
        Event::Started {
            flake: settings.flake.display().to_string(),
            nix,
            memory: settings.memory,
            time: settings.time,
            layers: self.guard.layer().to_string(),
        }
    }
}
