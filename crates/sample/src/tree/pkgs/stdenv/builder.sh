# @builder_note@
for input in $nativeBuildInputs $buildInputs; do
    test -e "$input"
done
echo "$pname $version" > "$out"
