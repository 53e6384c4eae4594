// Package branding is how a shop looks to its customers: its name, its marks,
// its two colours, and whom its mails come from. A reseller chooses colours
// freely; the product derives from them working colours that stay readable.
package branding

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Brand is what a shop shows of itself. Empty texts mean "not given".
type Brand struct {
	CompanyName  string
	LogoURL      string // of this shop's own host, or empty for the drawn mark
	FaviconURL   string
	Primary      Colour
	Secondary    Colour
	SupportEmail string
	SupportPhone string
	FromEmail    string
	FromName     string
	CustomCSS    string
}

// Default is the brand of a shop that has chosen nothing but its name.
func Default(name string) Brand {
	return Brand{
		CompanyName: name,
		FromName:    name,
		Primary:     Colour{0x3b, 0x82, 0xf6},
		Secondary:   Colour{0xf5, 0x9e, 0x0b},
	}
}

// Monogram is the one or two capitals that stand for the company where there
// is no logo, such as "ND" for Northwind Desktops.
func (b Brand) Monogram() string { return Initials(b.CompanyName) }

// Initials are the first letters of the first two words of name, in capitals;
// a name without letters or digits gives "•".
func Initials(name string) string {
	var out strings.Builder
	words := strings.FieldsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
	for _, w := range words[:min(len(words), 2)] {
		r, _ := utf8.DecodeRuneInString(w)
		out.WriteRune(unicode.ToUpper(r))
	}
	if out.Len() == 0 {
		return "•"
	}
	return out.String()
}
