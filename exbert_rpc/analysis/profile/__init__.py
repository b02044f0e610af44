"""What each head does everywhere in a corpus: formulas on sums that were made when it was built."""
