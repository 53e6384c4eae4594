package views

import (
	"strconv"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/money"
)

// usualBlock is the length of a block that needs no mention, in seconds.
const usualBlock = 900

// SessionsProps is a page of a customer's sessions, newest first.
type SessionsProps struct {
	When
	Sessions []metering.Session
	Of       string // the desktop whose sessions these are; "" for all
	First    string // the newest page, when this is another one
	Older    string // the next page, when there is one
}

const aboutBlocks = " Each block of 15 minutes that began is charged."

func (p SessionsProps) text() string {
	if p.Of != "" {
		return "Every run of " + p.Of + ", from start to stop." + aboutBlocks
	}
	return "Every run of your desktops, from start to stop." + aboutBlocks
}

// Ran is when a session was: "yesterday 16:40 to 18:02", "today 11:45, running".
func (w When) Ran(s metering.Session) string {
	if s.StoppedAt == nil {
		return w.At(s.StartedAt) + ", running"
	}
	return w.Span(s.StartedAt, *s.StoppedAt)
}

// ended says who or what ended a session.
func ended(s metering.Session) string {
	if s.EndedBy == nil {
		return ""
	}
	return endedBy(*s.EndedBy)
}

// endedBy words what ended a session, as it is stored.
func endedBy(stored string) string {
	return map[string]string{
		metering.ByCustomer: "stopped by you", metering.ByStaff: "stopped by the shop", metering.ByAPI: "stopped by a program with your key",
		metering.ByLimit: "reached its time limit", metering.ByHost: "ended by the desktop host", metering.ByGone: "the desktop was gone",
		metering.ByIdle: "nobody was connected", metering.BySchedule: "stopped by its schedule",
		metering.BySystem: "stopped by a rule of the shop",
		"credit":          "the credit was used up", "cap": "the monthly limit was reached",
		"parked": "the account was held for a check", "suspended": "an invoice was not paid",
	}[stored]
}

func sessionHref(id uuid.UUID) string { return "/sessions/" + id.String() + "/blocks" }

func (w When) stopped(s metering.Session) string {
	if s.StoppedAt == nil {
		return "running"
	}
	return w.At(*s.StoppedAt)
}

func sessionBlocks(w When, s metering.Session) string { return strconv.Itoa(s.BlocksAt(w.Now)) }

// sessionBlock is the length of its blocks, where that is not the usual one.
func sessionBlock(s metering.Session) string {
	if s.BlockSeconds == usualBlock {
		return ""
	}
	return "of " + every(s.BlockSeconds)
}

func sessionRate(s metering.Session) string { return money.Rate(s.CostPerHour, s.Currency) }

// exactCost is the cost before rounding, where the two differ.
func exactCost(w When, s metering.Session) string {
	exact := money.Usage(s.CostPerHour, s.BillableSecondsAt(w.Now), s.Currency)
	if exact.CmpDecimal(exact.Round().D) == 0 {
		return ""
	}
	return "exactly " + exact.Format()
}

func sessionColumns() []Column {
	return []Column{{Label: "Desktop"}, {Label: "Started"}, {Label: "Ended"}, {Label: "Time", End: true}, {Label: "Blocks", End: true}, {Label: "An hour", End: true}, {Label: "Cost", End: true}, {Label: "Invoice", End: true}}
}
