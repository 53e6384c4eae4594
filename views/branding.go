package views

import (
	"strconv"

	"github.com/ezscale/ezscale/app/branding"
)

// Branding is the page where a reseller chooses how its shop looks.
type Branding struct {
	Form    TermsForm
	Preview BrandPreview
	Sender  branding.Sender
	Asked   bool   // whether the name servers answered about Sender just now
	Tried   bool   // whether the name servers were asked for this page
	Address string // that letters should come from, as it is kept
	State   string
}

// BrandPreview is the shop as customers would see it.
type BrandPreview struct {
	Brand   branding.Brand
	LogoAt  string // where the console shows the logo from; empty for the drawn mark
	CSSAt   string // the colours of the preview alone
	Primary Legibility
	Second  Legibility
}

// Legibility says how well a colour can be read, and what would be better.
type Legibility struct {
	Field    string
	Label    string
	Chosen   branding.Colour
	Contrast float64 // with its letters or its ground
	Needed   float64
	Better   branding.Colour
}

// LegibilityOf measures the two colours of a brand on a light page (WCAG 2.2).
func LegibilityOf(b branding.Brand) (primary, second Legibility) {
	light, white := branding.Light(), branding.Colour{R: 255, G: 255, B: 255}
	primary = Legibility{"primary_color", "Primary colour", b.Primary, branding.Contrast(b.Primary, white), 4.5, light.Accent(b.Primary).Fill}
	second = Legibility{"secondary_color", "Secondary colour", b.Secondary, branding.Contrast(b.Secondary, light.Ground), 3, light.Second(b.Secondary).Fill}
	return primary, second
}

func (l Legibility) good() bool { return l.Contrast >= l.Needed }

func (l Legibility) ratio() string {
	return strconv.FormatFloat(float64(int(l.Contrast*10))/10, 'f', 1, 64) + " : 1"
}

func (l Legibility) text() string {
	if l.good() {
		return l.Label + " " + l.Chosen.String() + ": contrast " + l.ratio() + ", easy to read."
	}
	return l.Label + " " + l.Chosen.String() + ": contrast " + l.ratio() + ", hard to read. Pages use " + l.Better.String() + " in its place."
}

func (l Legibility) tone() Tone {
	if l.good() {
		return ToneGood
	}
	return ToneWarn
}

func (p Branding) has(name string) bool { return p.Form.Values[name] != "" }

func (p Branding) css() FieldProps {
	f := p.Form.optional("custom_css", "Your own rules (CSS)", "For customers' pages, never where somebody signs in or pays. Colours, fonts, borders, spacing; nothing from elsewhere. Such as h1 { letter-spacing: 0.02em }")
	f.Type = "textarea"
	return f
}

func (p Branding) colour(name, label string) FieldProps {
	f := p.Form.text(name, label, "# and six digits, such as #3B82F6.")
	f.Pattern, f.MaxLength = "#[0-9A-Fa-f]{6}", "7"
	return f
}

func (p Branding) email(name, label, hint string) FieldProps {
	f := p.Form.optional(name, label, hint)
	f.InputMode = "email"
	return f
}

// senderNotice says where letters go out from by what is kept, and, where the domain
// was looked at just now, what was found that differs from it.
func (p Branding) senderNotice() Notice {
	switch {
	case p.Tried && !p.Asked:
		return Notice{Tone: ToneWarn, Text: "The name servers did not answer, so this could not be looked at. Check again in a while."}
	case p.State == branding.MailWaiting:
		return Notice{Tone: ToneWarn, Text: "Until SPF is right, your letters go out as “" + or(p.Form.Values["from_name"], p.Form.Values["company_name"]) + " via …” from our address, and replies come to yours."}
	case p.Tried && !p.Sender.Ready:
		return Notice{Tone: ToneWarn, Text: "Your letters go out from your own address, but its SPF record does not let our mail server send, so some may be taken for forged."}
	}
	return Notice{Tone: ToneGood, Text: "Your letters go out from your own address."}
}

func recordColumns() []Column {
	return []Column{{Label: "Record"}, {Label: "Found"}, {Label: "Write there"}}
}
