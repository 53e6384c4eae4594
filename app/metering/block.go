// Package metering measures how long desktops ran and charges for it in blocks.
// A session is one run of a desktop; a block is a fixed span of a session, and
// inserting its row is the charge. README.md states the rules about time.
package metering

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// moment is the smallest step of time that the database keeps.
const moment = time.Microsecond

// costPlaces is how exactly the cost of a session is kept.
const costPlaces = 10

const secondsAnHour = 3600

// Blocks is how many blocks of the given seconds a session over [started, end)
// has: every block that began before its end. A span that is empty, negative or
// without a block size has none (R2, R7).
func Blocks(started, end time.Time, seconds int) int {
	length := end.Sub(started)
	if length <= 0 || seconds <= 0 {
		return 0
	}
	block := time.Duration(seconds) * time.Second
	return int((length-1)/block) + 1
}

// BegunBlocks is how many blocks a proof of running at the given time charges:
// those that began strictly before it, and always the first one, which the first
// observation charges (R2). A proof at the very edge of a block is still about the
// block before it.
func BegunBlocks(started, proof time.Time, seconds int) int {
	if seconds <= 0 || proof.Before(started) {
		return 0
	}
	return max(Blocks(started, proof, seconds), 1)
}

// StartOf is when block n (0, 1, …) of a session begins.
func StartOf(started time.Time, n, seconds int) time.Time {
	return started.Add(time.Duration(n) * time.Duration(seconds) * time.Second)
}

// PaidUntil is when the last of n charged blocks ends, and the next one begins.
func PaidUntil(started time.Time, n, seconds int) time.Time { return StartOf(started, n, seconds) }

// Cost is rate (per hour) × blocks × seconds ÷ 3600: multiplied first, divided
// once, kept to ten places and never rounded to a currency here (R8, R9).
func Cost(rate decimal.Decimal, blocks, seconds int) decimal.Decimal {
	used := decimal.NewFromInt(int64(blocks)).Mul(decimal.NewFromInt(int64(seconds)))
	return rate.Mul(used).DivRound(decimal.NewFromInt(secondsAnHour), costPlaces)
}

// WholeSeconds is the length of [started, stopped) rounded up to whole seconds,
// so that counting blocks by it gives what counting by the exact times gives.
func WholeSeconds(started, stopped time.Time) int64 {
	length := stopped.Sub(started)
	if length <= 0 {
		return 0
	}
	return int64((length-1)/time.Second) + 1
}

// end is when a session that is asked to end at a time truly ends: never before
// it started, never inside a time that is already charged from its beginning, and
// never in the future. lastBlock is the start of its last charged block.
func end(asked, started, lastBlock, now time.Time) time.Time {
	at := asked
	if at.After(now) {
		at = now
	}
	if !at.After(started) {
		at = started
	}
	if !lastBlock.IsZero() && !at.After(lastBlock) {
		at = lastBlock.Add(moment)
	}
	return at
}

// Clock is the sentence of a running session, such as "Running for 2 hours 37 minutes".
func Clock(started, now time.Time) string {
	length := max(now.Sub(started), 0)
	hours, minutes := int(length/time.Hour), int(length%time.Hour/time.Minute)
	switch {
	case hours == 0:
		return "Running for " + count(minutes, "minute")
	case minutes == 0:
		return "Running for " + count(hours, "hour")
	}
	return "Running for " + count(hours, "hour") + " " + count(minutes, "minute")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Hours is a sum of block seconds as hours with one decimal, such as "23.5 hours".
func Hours(seconds int64) string {
	if h := HoursNumber(seconds); h != "1.0" {
		return h + " hours"
	}
	return "1.0 hour"
}

// HoursNumber is Hours without the word.
func HoursNumber(seconds int64) string {
	return decimal.NewFromInt(seconds).DivRound(decimal.NewFromInt(secondsAnHour), 6).StringFixed(1)
}
