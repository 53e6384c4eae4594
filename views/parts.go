package views

import (
	"fmt"
	"time"

	"github.com/a-h/templ"
)

// Kind is how loud a button is.
type Kind string

// The kinds of button. A view has at most one Primary in sight of another.
const (
	Plain   Kind = ""
	Primary Kind = "primary"
	Quiet   Kind = "quiet"
	Danger  Kind = "danger"
)

// Tone is the colour of a state; the words always say the same.
type Tone string

// The tones.
const (
	ToneQuiet Tone = "quiet"
	ToneGood  Tone = "good"
	ToneWarn  Tone = "warn"
	ToneBad   Tone = "bad"
	ToneInfo  Tone = "info"
)

// ButtonProps describe a button, or with Href a link that looks like one.
type ButtonProps struct {
	ID, Label string
	Kind      Kind
	Name      string // of the value it submits
	Value     string
	Href      string // LinkButton only
	Rel       string // "next" and "prev" between the pages of a list; LinkButton only
	NewTab    bool
	Small     bool
	Large     bool
	Block     bool
	Solid     bool // a filled Danger, for the last step
	Disabled  bool
	Type      string // "" means "submit"
	Describe  string // aria-label, where Label alone is not enough ("Stop Business Pro")
	Popover   string // id of the popover it opens; the button then submits nothing
}

func (p ButtonProps) class() string {
	class := "btn"
	if p.Kind != Plain {
		class += " btn-" + string(p.Kind)
	}
	if p.Small {
		class += " btn-small"
	}
	if p.Large {
		class += " btn-large"
	}
	if p.Block {
		class += " btn-block"
	}
	if p.Solid {
		class += " btn-solid"
	}
	return class
}

// FormProps describe a form that posts. With Target it also posts in place:
// the answer replaces the element with that id.
type FormProps struct {
	ID, Action string
	Target     string // "#card-7", or "" for a plain form
	Class      string
	Multipart  bool
}

// attrs is the one place that knows how a form is sent in place and how its
// buttons are switched off meanwhile.
func (p FormProps) attrs() templ.Attributes {
	a := templ.Attributes{"method": "post", "action": p.Action}
	if p.ID != "" {
		a["id"] = p.ID
	}
	if p.Class != "" {
		a["class"] = p.Class
	}
	if p.Multipart {
		a["enctype"] = "multipart/form-data"
	}
	if p.Target != "" {
		a["hx-post"], a["hx-target"], a["hx-swap"] = p.Action, p.Target, "outerHTML"
		a["hx-disable"] = "findAll button"
	}
	return a
}

// CardProps describe a card. Class adds a grid span ("span-4") or a page class.
type CardProps struct {
	ID, Title string
	Text      string // a sentence under the title
	Link      NavItem
	Class     string
	Live      *Live
}

func (p CardProps) attrs() templ.Attributes {
	a := templ.Attributes{}
	if p.Live != nil {
		a = p.Live.Attrs()
	} else if p.ID != "" {
		a["id"] = p.ID
	}
	if p.Title != "" {
		a["aria-label"] = p.Title
	}
	return a
}

// Notice is one thing to be told at the top of a page.
type Notice struct {
	Tone      Tone
	Title     string
	Text      string
	RequestID string // shown so that a person can be helped
	Action    NavItem
}

func (n Notice) role() string {
	if n.Tone == ToneBad {
		return "alert"
	}
	return "note"
}

// EmptyProps is a place with nothing in it yet, and what to do about it.
type EmptyProps struct {
	Title, Text string
	Action      NavItem
}

// Item is a term and what it is.
type Item struct {
	Term, Text string
	Total      bool
}

// Step is one of several things that happen in order. State is "", "done",
// "now" or "failed".
type Step struct{ Title, Text, State string }

func (s Step) class() string {
	if s.State == "" {
		return ""
	}
	return "step-" + s.State
}

func (s Step) spoken() string {
	return map[string]string{"done": "Done: ", "now": "Now: ", "failed": "Failed: "}[s.State]
}

// State is a state of something as people read it.
type State struct {
	Label string
	Tone  Tone
	Live  bool // something is happening, so its dot breathes
}

// StateOf words a state as it is stored; an unknown one is shown as it is.
func StateOf(stored string) State {
	states := map[string]State{
		"running": {"Running", ToneGood, true}, "provisioning": {"Getting ready", ToneInfo, true},
		"starting": {"Starting", ToneInfo, true}, "stopping": {"Stopping", ToneWarn, true},
		"stopped": {"Stopped", ToneQuiet, false}, "failed": {"Failed", ToneBad, false},
		"terminated": {"Destroyed", ToneQuiet, false}, "active": {"Active", ToneGood, false},
		"trial": {"Trial", ToneInfo, false}, "suspended": {"Suspended", ToneBad, false},
		"closed": {"Closed", ToneQuiet, false}, "past_due": {"Past due", ToneWarn, false},
		"cancelled": {"Cancelled", ToneQuiet, false}, "paid": {"Paid", ToneGood, false},
		"due": {"Due", ToneWarn, false}, "open": {"Open", ToneWarn, false}, "overdue": {"Overdue", ToneBad, false},
		"draft": {"Draft", ToneQuiet, false}, "void": {"Void", ToneQuiet, false}, "refunded": {"Refunded", ToneInfo, false},
		"pending": {"Waiting", ToneInfo, true}, "verified": {"Verified", ToneGood, false}, "deprecated": {"Retired", ToneQuiet, false},
		"draining": {"Draining", ToneWarn, false}, "retired": {"Retired", ToneQuiet, false},
		"revoked": {"Revoked", ToneQuiet, false}, "uncollectible": {"Not collected", ToneBad, false},
	}
	if s, ok := states[stored]; ok {
		return s
	}
	return State{Label: stored, Tone: ToneQuiet}
}

// Elapsed words a running time as the ticking clock does: "2 h 07 min 05 s".
func Elapsed(d time.Duration) string {
	s := max(0, int(d/time.Second))
	if s >= 3600 {
		return fmt.Sprintf("%d h %02d min %02d s", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d min %02d s", s/60, s%60)
}

// Minutes words a countdown as minutes and seconds: "8:00".
func Minutes(d time.Duration) string {
	s := max(0, int(d/time.Second))
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
