package views

import (
	"fmt"
	"strconv"
	"time"
)

// When words times in a shop's zone, as seen from now.
type When struct {
	Zone *time.Location
	Now  time.Time
}

// Clock is the time of day: "14:30".
func (w When) Clock(t time.Time) string { return t.In(w.Zone).Format("15:04") }

// Day is the civil day of a time: "today", "yesterday", "tomorrow", "Nov 20",
// with the year when it is another one.
func (w When) Day(t time.Time) string {
	here, now := t.In(w.Zone), w.Now.In(w.Zone)
	switch days := civil(here) - civil(now); {
	case days == 0:
		return "today"
	case days == -1:
		return "yesterday"
	case days == 1:
		return "tomorrow"
	case here.Year() == now.Year():
		return here.Format("Jan 2")
	}
	return here.Format("Jan 2, 2006")
}

// civil counts civil days, so that neither summer time nor the time of day
// changes how far two of them are apart.
func civil(t time.Time) int64 {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / (24 * 3600)
}

// At is the day with the time of day: "today 11:45", "Nov 20, 09:10".
func (w When) At(t time.Time) string {
	day := w.Day(t)
	if day[0] >= 'a' {
		return day + " " + w.Clock(t)
	}
	return day + ", " + w.Clock(t)
}

// Soon is At without saying today: "11:45", "yesterday 18:02".
func (w When) Soon(t time.Time) string {
	if w.Day(t) == "today" {
		return w.Clock(t)
	}
	return w.At(t)
}

// Span is two times that belong together: "yesterday 16:40 to 18:02".
func (w When) Span(from, to time.Time) string {
	if w.Day(from) == w.Day(to) {
		return w.At(from) + " to " + w.Clock(to)
	}
	return w.At(from) + " to " + w.At(to)
}

// Date is a civil day written out: "November 20, 2026".
func (w When) Date(t time.Time) string { return t.In(w.Zone).Format("January 2, 2006") }

// Greeting fits the time of day.
func (w When) Greeting() string {
	switch hour := w.Now.In(w.Zone).Hour(); {
	case hour >= 5 && hour < 12:
		return "Good morning"
	case hour >= 12 && hour < 18:
		return "Good afternoon"
	}
	return "Good evening"
}

// lasting words a length in seconds: "2 h 37 min", "8 min", "40 s".
func lasting(seconds int64) string {
	switch {
	case seconds < 60:
		return strconv.FormatInt(max(seconds, 0), 10) + " s"
	case seconds < 3600:
		return strconv.FormatInt(seconds/60, 10) + " min"
	}
	return fmt.Sprintf("%d h %02d min", seconds/3600, seconds/60%60)
}

// memory words megabytes: "4 GB".
func memory(mb int) string {
	if mb%1024 == 0 {
		return strconv.Itoa(mb/1024) + " GB"
	}
	if mb > 1024 {
		return strconv.FormatFloat(float64(mb)/1024, 'f', 1, 64) + " GB"
	}
	return strconv.Itoa(mb) + " MB"
}

// every words the length of a block: "15 minutes", "1 hour".
func every(seconds int) string {
	switch {
	case seconds == 3600:
		return "1 hour"
	case seconds == 60:
		return "1 minute"
	}
	return strconv.Itoa(seconds/60) + " minutes"
}

// many counts in words: "1 block", "11 blocks".
func many(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.FormatInt(n, 10) + " " + what + "s"
}
