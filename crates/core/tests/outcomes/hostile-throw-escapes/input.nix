throw (builtins.fromJSON ''"\u001b[2K\r\u001b[31;1merror:\u001b[0m out of memory\u001b[8m"'')
