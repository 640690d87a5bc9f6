import (./. + "/x\nerror: out of memory\n       error: out of memory")
