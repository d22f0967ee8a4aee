# Perl: processes, pipes, signals, patterns.
# needs: perl
set -euo pipefail
perl -e '
use strict; use warnings; $| = 1;
my %count;
$count{length $_}++ for map { "x" x ($_ * 7 % 13) } 1 .. 1000;
print join(" ", map { "$_=$count{$_}" } sort { $a <=> $b } keys %count), "\n";
pipe(my $reader, my $writer);
for my $n (1 .. 20) {
    my $pid = fork;
    if (!$pid) { print $writer "$n\n"; exit $n; }
    waitpid $pid, 0;
    print "status ", $? >> 8, "\n";
}
close $writer;
my $sum = 0;
$sum += $_ while <$reader>;
print "$sum\n";
print scalar(`echo out`), $? >> 8, "\n";
local $SIG{ALRM} = sub { die "alarm\n" };
eval { alarm 1; select undef, undef, undef, 30; };
print $@;
'
