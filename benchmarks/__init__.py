"""What prebake costs, beside other ways to do the same. Run by `make bench`."""
