package views

import (
	"strconv"

	"github.com/ezscale/ezscale/app/branding"
)

func initialsOf(name string) string { return branding.Initials(name) }

// Overview is what an operator sees first.
type Overview struct {
	Healthy    bool
	Health     string // one sentence
	Statuses   []StatProps
	Letters    []DeadLetterRow
	Desktops   []AttentionRow
	Shops      []AttentionRow  // that could not be brought up to date
	Items      []AttentionItem // of the shops' books
	Servers    []ServerRow
	Incomplete string // why the list of desktops may lack some, or ""
}

// AttentionRow is something that needs a person.
type AttentionRow struct {
	Title, Text string
	Tone        Tone
	Force       string // where a stuck desktop is ended by hand; "" where that makes no sense
	ID          string // with Force
}

// DeadLetterRow is work that failed for good until somebody tries again.
type DeadLetterRow struct {
	Title, Shop, Reason, At string
	Retry                   string
}

// ServerRow is one desktop host.
type ServerRow struct {
	Name, URL string
	Href      string
	State     string
	LastOK    string
	Error     string
	ErrorAt   string
	Simulator bool
}

func (p Overview) quiet() bool {
	return len(p.Letters)+len(p.Desktops)+len(p.Shops)+len(p.Items) == 0 && p.Incomplete == ""
}

// Resellers is the list of shops and the form for a new one.
type Resellers struct {
	Rows               []ResellerRow
	Form               NewReseller
	Found              int // of all that the filter leaves
	Query, State, CSV  string
	States             []Option
	First, Older, Path string
}

// ResellerRow is one shop.
type ResellerRow struct {
	Name, Slug string
	Host       NavItem
	More       int // further hosts
	State      string
	Billing    string
	House      bool
	Owner      string
	OwnerEmail string
	Created    string
	Trial      string
	Problem    string
	Customers  string
	Running    string
	Month      string // at wholesale prices, since the provider's month began
}

func (r ResellerRow) ownerBelow() string {
	if r.Owner == "" {
		return ""
	}
	return r.OwnerEmail
}

// NewReseller is the form for a new shop.
type NewReseller struct {
	Name, OwnerName, Email, Domain string
	Slug, TimeZone, Currency       string
	TrialDays, DefaultDays         string // what is typed, what holds when nothing is
	Tier                           string
	Tiers                          []Option
	Central                        string // the name under which shops get an address
	Wrong                          Wrong
}

// more opens the rarely used fields when something in them needs a look.
func (f NewReseller) more() bool {
	for _, name := range []string{"slug", "time_zone", "currency", "trial_days", "owner_name", "tier"} {
		if f.Wrong.Fields[name] != "" {
			return true
		}
	}
	return false
}

func (f NewReseller) lines() []FieldError {
	return f.Wrong.lines("name", "email", "domain", "owner_name", "slug", "time_zone", "currency", "trial_days", "tier")
}

func (f NewReseller) suffix() string {
	if f.Central == "" {
		return ""
	}
	return "." + f.Central
}

func (f NewReseller) domainHint() string {
	return "It is served once the domain is proved to be theirs; until then the shop answers under its short name."
}

// CountOf words a number of things: "1 desktop", "3 desktops".
func CountOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
