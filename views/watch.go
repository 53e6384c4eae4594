package views

// AttentionItem is one line of the list of what needs a person of the provider.
type AttentionItem struct {
	ID, Title string
	Shop, At  string
	Text      string // the sentence
	Numbers   string // "limit 8 · value 9"
	Settle    string // where it is settled; "" where something else settles it
	Look      NavItem
	Tone      Tone
}

// AttentionList is a page of that list, the newest first.
type AttentionList struct {
	Items         []AttentionItem
	Open          int
	Newest, Older string
	Kind, Shop    string // the filters
	Kinds         []Option
	CSV           string
	Incomplete    string // why desktops may be missing, or ""
}

// ParkedRow is a customer who waits for somebody to look at the numbers.
type ParkedRow struct {
	ID, Name, Email string
	Shop            string // in the provider's list
	Since           string
	Text            string // the bound and its numbers in words
	Release         string // where the form goes
	Reason          string
	Wrong           Wrong
}

// ParkedList is a shop's parked customers, or those of all shops.
type ParkedList struct {
	Rows        []ParkedRow
	Text        string
	Back, Older NavItem
}

// RehearsalRow is one invoice as it would be made.
type RehearsalRow struct {
	Name, Email      string
	Period           string
	Total, Due, Last string
	LastHref         string
	LastNumber       string
	Odd              []string
}

// Rehearsal is what closing a shop's month would do.
type Rehearsal struct {
	Shop, Href string // in the provider's list; Href leads to the shop alone
	Period     string
	Ended      bool
	Count, Odd int
	Total, Due string
	Rows       []RehearsalRow // a page of them
	Token      string
	Issue      string // where the button goes
	Failed     string // why it could not be worked out
	Newer      string
	Older      string
}

// Rehearsals are a page of shops.
type Rehearsals struct {
	Shops []Rehearsal
	Older string
}

func (r Rehearsal) lead() string {
	if r.Ended {
		return "Every invoice as it would be issued now. The ones that somebody should look at stand on top."
	}
	return "The month has not ended: this is what its invoices come to so far. Nothing can be issued yet."
}

func (r Rehearsal) figures() []StatProps {
	return []StatProps{{Label: "Invoices", Value: CountOf(r.Count, "invoice")}, {Label: "Total", Value: or(r.Total, "–")},
		{Label: "To collect", Value: or(r.Due, "–"), Note: "after prepaid blocks and credit"}, {Label: "Worth a look", Value: CountOf(r.Odd, "invoice")}}
}

func (r Rehearsal) question() string { return "Issue " + CountOf(r.Count, "invoice") + "?" }

func rehearsalColumns() []Column {
	return []Column{{Label: "Customer"}, {Label: "Month"}, {Label: "Last invoice", End: true}, {Label: "Total", End: true}, {Label: "To collect", End: true}, {Label: "Worth a look"}}
}
