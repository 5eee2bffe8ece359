module meshlab/standins

go 1.22
