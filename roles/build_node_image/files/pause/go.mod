module meshlab/pause

go 1.22
