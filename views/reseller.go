package views

// Console is a reseller's overview.
type Console struct {
	Shop       string
	State      string // as stored: trial, active, suspended
	Billing    string // as stored: past_due, or ""
	Trial      string // "Trial until December 4, 2026", or ""
	Hosts      []NavItem
	Stats      []StatProps
	Plots      []ConsolePlot
	FirstSteps Checklist // empty when nothing is left to do
	Month      string    // "November 2026"
	Query      string
	People     []ConsolePerson
	Older      string // the next page of people, or ""
	Newest     string // back to the first page, or ""
	Currency   string // its symbol
	Grants     bool   // credit can be granted
}

// ConsolePerson is one customer in the list.
type ConsolePerson struct {
	ID          string
	Name, Email string
	Since       string
	State       string // as stored, "" for what is normal
	Unverified  bool
	Credit      string
	Grant       Grant
}

// Grant is the form that gives a customer credit. Cause is made for each form
// that is drawn, so that sending it twice gives once.
type Grant struct {
	Action, Cause  string
	Symbol         string
	Name           string // the customer's
	Amount, Reason string
	Back           string // the page to go on to
	Wrong          Wrong
	Alone          bool // the only form of its page
}

// id keeps the ids of many such forms on one page apart.
func (g Grant) id(field string) string {
	if g.Alone {
		return ""
	}
	return field + "-" + g.Cause
}

func (p Console) empty() EmptyProps {
	if p.Query != "" {
		return EmptyProps{Title: "Nobody found", Text: "No customer has “" + p.Query + "” in a name or address.", Action: NavItem{Label: "Show everybody", Href: "/reseller"}}
	}
	empty := EmptyProps{Title: "No customers yet", Text: "Whoever creates an account in your shop appears here."}
	if len(p.Hosts) > 0 {
		empty.Action = NavItem{Label: "See your shop", Href: p.Hosts[0].Href}
	}
	return empty
}
