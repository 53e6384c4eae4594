package views

// Activity is who did what in a shop.
type Activity struct {
	Query, Who, Kind, From, To string
	Wrong                      Wrong
	People                     []Option
	Rows                       []ReportRow
	CSV, First, Older          string
}

func activityColumns() []Column {
	return []Column{{Label: "When"}, {Label: "Who"}, {Label: "What"}, {Label: "Detail"}}
}

func (p Activity) filtered() bool { return p.Query+p.Who+p.Kind+p.From+p.To != "" }

func (p Activity) kinds() []Option {
	return []Option{{"", "Anything"}, {"prices", "Plans, prices and taxes"}, {"people", "People and keys"}, {"money", "Invoices and money"}, {"shop", "The shop itself"}}
}

func (p Activity) day(name, label, value string) FieldProps {
	return FieldProps{Name: name, Label: label, Type: "date", Value: value, Error: p.Wrong.Fields[name], Optional: true, Plain: true}
}
