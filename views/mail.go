package views

import (
	"fmt"
	"strings"

	"github.com/ezscale/ezscale/app/branding"
)

// MailBrand is who a letter is from, as its head and foot show it.
type MailBrand struct {
	Company      string
	Colour       string // #rrggbb; anything else falls back to the product's own
	SupportEmail string // may be empty
	SupportPhone string // may be empty
	Home         string // address of the shop
}

// Letter is a mail in parts. Both of its forms, HTML and text, are made from
// the same parts, so that they cannot disagree.
type Letter struct {
	Brand   MailBrand
	Subject string
	Preview string // the line that a list of mails shows beside the subject
	Name    string // whom it greets; may be empty
	Body    []string
	Steps   []string // numbered
	Facts   []MailFact
	Button  MailLink // none when its Label is empty
	After   []string // smaller, below the button
}

// MailFact is one labelled value, such as an invoice's number.
type MailFact struct{ Label, Value string }

// MailLink is what a letter asks its reader to press.
type MailLink struct{ Label, URL string }

// Greeting is the first line.
func (l Letter) Greeting() string {
	if l.Name == "" {
		return "Hello,"
	}
	return "Hello " + l.Name + ","
}

// Text is the letter for readers that show no HTML. Lines end with \n.
func (l Letter) Text() string {
	parts := append([]string{l.Greeting()}, l.Body...)
	if len(l.Steps) > 0 {
		var steps []string
		for i, step := range l.Steps {
			steps = append(steps, fmt.Sprintf("%d. %s", i+1, step))
		}
		parts = append(parts, strings.Join(steps, "\n"))
	}
	if len(l.Facts) > 0 {
		var facts []string
		for _, fact := range l.Facts {
			facts = append(facts, fact.Label+": "+fact.Value)
		}
		parts = append(parts, strings.Join(facts, "\n"))
	}
	if l.Button.Label != "" {
		parts = append(parts, l.Button.Label+":\n"+l.Button.URL)
	}
	parts = append(parts, l.After...)
	return strings.Join(append(parts, l.Brand.signature()), "\n\n") + "\n"
}

func (b MailBrand) signature() string {
	lines := []string{"-- ", b.Company, b.Home}
	if help := b.Help(); help != "" {
		lines = append(lines, help)
	}
	return strings.Join(lines, "\n")
}

// Help says where a person answers; empty when the shop named nobody.
func (b MailBrand) Help() string {
	switch {
	case b.SupportEmail != "" && b.SupportPhone != "":
		return "Questions? " + b.SupportEmail + " or " + b.SupportPhone
	case b.SupportEmail+b.SupportPhone != "":
		return "Questions? " + b.SupportEmail + b.SupportPhone
	}
	return ""
}

func (b MailBrand) tones() branding.Tones {
	c, err := branding.ParseColour(b.Colour)
	if err != nil {
		c = branding.Default("").Primary
	}
	return branding.Light().Accent(c)
}

// Mail readers do not know custom properties, so the two colours of the brand
// stand in style attributes. They are written from parsed bytes.
func (b MailBrand) buttonStyle() string {
	t := b.tones()
	return "background-color:" + t.Fill.String() + ";color:" + t.Ink.String()
}

func (b MailBrand) edgeStyle() string { return "border-top-color:" + b.tones().Fill.String() }
