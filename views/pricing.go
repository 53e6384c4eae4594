package views

// Pricing is what a shop sells its plans for and what that leaves.
type Pricing struct {
	Share    string // "20 %" where the shop pays a share of its revenue, else empty
	Currency string
	Fresh    bool // nobody has looked at the suggested prices yet
	Plans    []PricedPlan
	Old      []PricedPlan
	Rules    []PriceRule
	Changes  int // prices that the rules would change
	Rule     TermsForm
	Targets  []Option
	Shapes   []Option // of which plans can be made
	Make     TermsForm
	Problem  string // why what was asked for cannot be done
}

// PricedPlan is a plan with its prices as they stand or were typed.
type PricedPlan struct {
	Type, Name, Spec string
	Symbol           string
	Monthly          bool // it has, or may have, a price of a month
	Form             TermsForm
	Margin           Margin
	Again            bool // a retired one may be sold again
}

// Margin is what a price leaves to the shop.
type Margin struct {
	Type   string
	Items  []Item
	Notice *Notice
}

// PriceRule is one mark-up of the shop.
type PriceRule struct {
	ID, About, PriceOf, Adds, Rounds string
}

func (m Margin) id() string { return "margin-" + m.Type }

func (p PricedPlan) field(name, label, hint string) FieldProps {
	f := p.Form.number(name, label, hint)
	f.ID, f.Prefix, f.Plain = name+"-"+p.Type, p.Symbol, true
	return f
}

func (p PricedPlan) wording(name, label, longest string) FieldProps {
	f := p.Form.text(name, label, "")
	f.ID, f.MaxLength, f.Optional, f.Plain = name+"-"+p.Type, longest, name != "name", true
	return f
}

// worded opens the texts of a plan when something is wrong in them.
func (p PricedPlan) worded() bool {
	return p.Form.Wrong.Fields["name"] != "" || p.Form.Wrong.Fields["description"] != ""
}

func (p PricedPlan) errors() []FieldError {
	var list []FieldError
	for _, e := range p.Form.Wrong.lines("price_per_hour", "price", "name", "description", "block_seconds", "status") {
		list = append(list, FieldError{Message: e.Message})
	}
	return list
}

func ruleColumns() []Column {
	return []Column{{Label: "For"}, {Label: "Price"}, {Label: "On top of wholesale"}, {Label: "Rounded"}, {Label: ""}}
}

func (p Pricing) target() SelectProps {
	return SelectProps{Name: "target", Label: "For", Value: p.Rule.Values["target"], Error: p.Rule.Wrong.Fields["target"], Options: p.Targets}
}

func (p Pricing) priceOf() SelectProps {
	return SelectProps{Name: "price_of", Label: "Price", Value: p.Rule.Values["price_of"], Error: p.Rule.Wrong.Fields["price_of"],
		Options: []Option{{"hour", "of an hour"}, {"month", "of a month"}}}
}

func (p Pricing) kind() SelectProps {
	return SelectProps{Name: "kind", Label: "As", Value: p.Rule.Values["kind"], Error: p.Rule.Wrong.Fields["kind"],
		Options: []Option{{"percent", "percent of wholesale"}, {"amount", "an amount in " + p.Currency}}}
}

func (p Pricing) rounding() SelectProps {
	return SelectProps{Name: "round_to", Label: "Round", Value: p.Rule.Values["round_to"], Error: p.Rule.Wrong.Fields["round_to"],
		Options: []Option{{"0", "not at all"}, {"0.01", "up to 0.01"}, {"0.05", "up to 0.05"}, {"0.10", "up to 0.10"}, {"1", "up to 1.00"}}}
}

func (p Pricing) shape() SelectProps {
	return SelectProps{Name: "catalog_plan_id", Label: "Made from", Value: p.Make.Values["catalog_plan_id"], Error: p.Make.Wrong.Fields["catalog_plan_id"], Options: p.Shapes}
}

func (p Pricing) block() SelectProps {
	props := SelectProps{Name: "block_seconds", Label: "Block", Value: or(p.Make.Values["block_seconds"], "900"), Error: p.Make.Wrong.Fields["block_seconds"]}
	props.Options = blockSizes()
	return props
}

func (p Pricing) newField(name, label, hint string) FieldProps {
	f := p.Make.number(name, label, hint)
	f.ID = "new-" + name
	return f
}

func (p Pricing) newText(name, label, hint, longest string) FieldProps {
	f := p.Make.text(name, label, hint)
	f.ID, f.MaxLength = "new-"+name, longest
	return f
}

func (p Pricing) newDescription() FieldProps {
	f := p.newText("description", "Description", "", "300")
	f.Optional = true
	return f
}

func blockSizes() []Option {
	return []Option{{"60", "1 minute"}, {"300", "5 minutes"}, {"600", "10 minutes"}, {"900", "15 minutes"}, {"1800", "30 minutes"}, {"3600", "1 hour"}}
}
