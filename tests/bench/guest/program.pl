# The Perl workload: hashes, regular expressions, string building, sorting.
#
#   program.pl N
#
# Copyright the Doppel developers. SPDX-License-Identifier: GPL-2.0-or-later
use strict;
use warnings;

open(my $file, '<', 'text') or die "text: $!";
read($file, my $text, 60000);

sub count_words {
    my %counts;
    $counts{$1}++ while $text =~ /([a-z]+)/g;
    my @words = sort { $counts{$b} <=> $counts{$a} || $a cmp $b } keys %counts;
    return join(' ', map { "$_=$counts{$_}" } @words[0 .. 9]);
}

sub rewrite {
    my $copy = $text;
    $copy =~ s/\b([a-z])([a-z]*)\b/$2$1/g;
    $copy =~ tr/a-m/A-M/;
    return unpack('%32C*', $copy);
}

sub fibonacci {
    my $n = shift;
    return $n < 2 ? $n : fibonacci($n - 1) + fibonacci($n - 2);
}

for my $round (1 .. $ARGV[0]) {
    print count_words(), ' ', rewrite(), ' ', fibonacci(14 + $round % 2), "\n";
}
