package views

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// StatProps is one figure with its name and a note below. Trend is "up",
// "down" or "".
type StatProps struct{ Label, Value, Note, Change, Trend string }

// MeterProps is how much of something is used, in percent of 0 to 100.
type MeterProps struct {
	Label   string // read aloud: "47 percent of your cap"
	Text    string
	Percent int
	Tone    Tone // "" is the brand's colour
}

// Column is the head of a table's column; the same labels stand beside the
// figures on a phone.
type Column struct {
	Label string
	End   bool // figures, at the right
}

// Bar is one bar of a chart. Value is in any unit, the same for all bars; Text
// is how a person reads it ("$0.60").
type Bar struct {
	Label string
	Value int64
	Text  string
	Hit   bool // drawn in the second colour: today, the best month
}

// ChartProps describe a bar chart. Axis are the labels below, from left to
// right; Top is the label of the highest value.
type ChartProps struct {
	Label     string // read aloud: "Cost a day in November, highest $0.60 on the 12th"
	BarsAre   string // head of the table for screen readers: "Day"
	ValuesAre string // "Cost"
	Bars      []Bar
	Axis      []string
	Top       string
}

const chartWidth, chartHeight = 640, 144

// box is a bar's rectangle in the drawing's own units.
type box struct{ X, Y, W, H, R, Class string }

func (p ChartProps) boxes() []box {
	if len(p.Bars) == 0 {
		return nil
	}
	var top int64 = 1
	for _, b := range p.Bars {
		top = max(top, b.Value)
	}
	slot := float64(chartWidth) / float64(len(p.Bars))
	wide := min(slot*0.66, 44)
	var out []box
	for i, b := range p.Bars {
		high, class := math.Max(0, float64(b.Value)/float64(top)*(chartHeight-4)), ""
		switch {
		case b.Value <= 0:
			high, class = 2, "nil"
		case b.Hit:
			high, class = math.Max(high, 3), "hit"
		default:
			high = math.Max(high, 3)
		}
		out = append(out, box{
			X: unit(float64(i)*slot + (slot-wide)/2), Y: unit(chartHeight - high), W: unit(wide), H: unit(high),
			R: unit(min(4, wide/4, high/2)), Class: class,
		})
	}
	return out
}

// told are the bars that are read aloud: those with something in them.
func (p ChartProps) told() (out []Bar) {
	for _, b := range p.Bars {
		if b.Value > 0 {
			out = append(out, b)
		}
	}
	return out
}

func (p ChartProps) viewBox() string { return fmt.Sprintf("0 0 %d %d", chartWidth, chartHeight) }

func unit(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// RingProps is a countdown drawn as a ring; Percent of 0 to 100 is left.
type RingProps struct {
	Label     string // read aloud: "8 of 15 paid minutes are left"
	Percent   float64
	Text, Sub string // "8:00", "left, paid"
}

func (p RingProps) dash() string { return unit(min(max(p.Percent, 0), 100)) + " 100" }

// TimerProps are the facts a running clock ticks from. Costs are the server's
// figures; between two blocks nothing is guessed.
type TimerProps struct {
	StartedAt, Now, NextAt time.Time // Now is the clock of the business
	Cost, NextCost         string    // "$0.55", and the total once NextAt is reached; "" if no block follows
	Block                  time.Duration
	StopsAt                time.Time // when it stops by itself, if that is near
	Title                  string    // shown behind the cost in the tab, or ""
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func (p TimerProps) blockSeconds() string {
	return strconv.Itoa(int(p.Block / time.Second))
}

// Elapsed is how long it has run, in the words of the ticking clock.
func (p TimerProps) Elapsed() string { return Elapsed(p.Now.Sub(p.StartedAt)) }

// Ring is the paid time that is left of the current block.
func (p TimerProps) Ring() RingProps {
	left := max(0, p.NextAt.Sub(p.Now))
	share := 0.0
	if p.Block > 0 {
		share = 100 * left.Seconds() / p.Block.Seconds()
	}
	minutes := int(math.Ceil(left.Minutes()))
	return RingProps{
		Label:   fmt.Sprintf("%d of %d paid minutes are left", minutes, int(p.Block.Minutes())),
		Percent: share, Text: Minutes(left), Sub: "left, paid",
	}
}
