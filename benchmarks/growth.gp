# gnuplot -e "growth='FILE'" benchmarks/growth.gp >growth.svg
# FILE: the columns of assessment-benchmark twice, side by side: medians of many passes, and one pass of a new process.
set terminal svg size 720,360 font "sans-serif,12" background "white"
set multiplot layout 1,2
set logscale xy
set grid
set key top left
set xlabel "settings"
set xrange [7:15000]
set title "time of a pass, ms"
set yrange [0.05:1000]
plot growth using 1:2 with linespoints title "inventory of the disks", \
     growth using 1:5 with linespoints title "assessment (desire + assess)", \
     x * 0.012 with lines dashtype 2 title "12 µs for each setting"
unset logscale y
set title "peak memory of the process, MiB"
set yrange [0:*]
plot growth using 1:($16) with linespoints notitle
unset multiplot
