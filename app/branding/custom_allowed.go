package branding

import (
	"math"
	"strconv"
	"strings"

	"github.com/tdewolff/parse/v2/css"
)

// bounds say how far a property may reach. A rule must not be able to lay one
// thing over another, or to make it vanish: there is no position, no display, no
// transform, no opacity, and lengths stay within what a design needs.
type bounds struct {
	least, most float64 // in CSS pixels; a rem or em counts as 16
	text        bool    // may hold quoted names, as of fonts
	sums        bool    // may use calc and its kin, whose results nobody bounds
}

func properties() map[string]bounds {
	var (
		plain  = bounds{0, 2000, false, true}
		near   = bounds{-32, 32, false, false}
		inside = bounds{0, 128, false, false}
		font   = bounds{10, 96, false, false}
		fonts  = bounds{0, 0, true, false}
	)
	sets := []struct {
		kind  bounds
		names string
	}{
		{plain, "color background background-color background-image background-size background-repeat background-position background-clip border-color border-style outline-color outline-style accent-color caret-color " +
			"border-top-color border-right-color border-bottom-color border-left-color border-top-style border-right-style border-bottom-style border-left-style " +
			"text-align text-decoration text-decoration-color text-decoration-line text-decoration-style text-transform text-wrap font-style font-weight font-stretch font-variant font-variant-numeric font-feature-settings " +
			"line-height hyphens overflow-wrap word-break list-style-type text-underline-offset text-decoration-thickness border-image-slice fill stroke " +
			"transition transition-property transition-duration transition-timing-function max-width max-inline-size align-items justify-content justify-items align-self justify-self text-rendering font-kerning font-optical-sizing"},
		{near, "box-shadow text-shadow outline outline-offset outline-width letter-spacing word-spacing border border-width border-top border-right border-bottom border-left border-block border-inline border-block-start border-block-end border-inline-start border-inline-end " +
			"border-top-width border-right-width border-bottom-width border-left-width stroke-width"},
		{inside, "padding padding-top padding-right padding-bottom padding-left padding-block padding-inline padding-block-start padding-block-end padding-inline-start padding-inline-end " +
			"margin margin-top margin-right margin-bottom margin-left margin-block margin-inline margin-block-start margin-block-end margin-inline-start margin-inline-end gap row-gap column-gap " +
			"border-radius border-top-left-radius border-top-right-radius border-bottom-left-radius border-bottom-right-radius"},
		{font, "font-size"},
		{fonts, "font-family"},
	}
	all := map[string]bounds{}
	for _, set := range sets {
		for _, name := range strings.Fields(set.names) {
			all[name] = set.kind
		}
	}
	return all
}

func functions() map[string]bool {
	return setOf("rgb rgba hsl hsla hwb lab lch oklab oklch color-mix light-dark linear-gradient radial-gradient conic-gradient repeating-linear-gradient repeating-radial-gradient var calc min max clamp cubic-bezier steps")
}

// sums are the functions whose result cannot be read from their words.
func sums() map[string]bool { return setOf("calc min max clamp var") }

func mediaWords() map[string]bool {
	return setOf("screen and not only all min-width max-width width prefers-color-scheme prefers-reduced-motion light dark reduce no-preference hover none pointer coarse fine prefers-contrast more less print")
}

func pseudoClasses() map[string]bool {
	return setOf("hover focus focus-visible focus-within active visited link first-child last-child only-child first-of-type last-of-type checked disabled enabled required optional empty root target open")
}

func pseudoFunctions() map[string]bool {
	return setOf("not is where nth-child nth-last-child nth-of-type nth-last-of-type")
}

func setOf(names string) map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(names) {
		set[name] = true
	}
	return set
}

// valueOf writes a value again from its words, or says what is wrong with it.
func valueOf(kind bounds, words []word) (value, problem string) {
	if len(words) == 0 {
		return "", "the value is missing."
	}
	var out strings.Builder
	depth := 0
	for n, w := range words {
		switch w.kind {
		case css.WhitespaceToken:
			if n > 0 && !strings.HasSuffix(out.String(), " ") {
				out.WriteByte(' ')
			}
			continue
		case css.RightParenthesisToken:
			depth--
		case css.LeftParenthesisToken, css.FunctionToken:
			depth++
		}
		if depth < 0 {
			return "", "a bracket is closed that was not opened."
		}
		if problem := kind.refuses(w); problem != "" {
			return "", problem
		}
		out.WriteString(w.text)
	}
	if depth != 0 {
		return "", "a bracket is not closed."
	}
	return strings.TrimSpace(out.String()), ""
}

// refuses is what is wrong with one word of a value, or nothing.
func (b bounds) refuses(w word) string {
	switch w.kind {
	case css.IdentToken:
		if !plainName(w.text) {
			return "“" + shown(w.text) + "” is not a plain word."
		}
	case css.FunctionToken:
		name := strings.ToLower(strings.TrimSuffix(w.text, "("))
		if !functions()[name] {
			return "the function " + shown(name) + "() is not allowed; nothing can be loaded from elsewhere."
		}
		if sums()[name] && !b.sums {
			return name + "() cannot be used here; write the size itself."
		}
	case css.NumberToken, css.PercentageToken, css.DimensionToken:
		return b.beyond(w)
	case css.StringToken:
		if !b.text || strings.ContainsAny(w.text, "\\<>\n\r\f") || len(w.text) > 80 {
			return "quoted texts are not allowed here."
		}
	case css.HashToken:
		if !plainName(w.text[1:]) {
			return "“" + shown(w.text) + "” is not a colour."
		}
	case css.CustomPropertyNameToken:
		if !plainName(strings.TrimPrefix(w.text, "--")) || !b.sums {
			return "“" + shown(w.text) + "” cannot be used here."
		}
	case css.CommaToken, css.LeftParenthesisToken, css.RightParenthesisToken:
	case css.DelimToken:
		if !strings.Contains("/+-*%", w.text) {
			return "“" + shown(w.text) + "” is not allowed; there is no !important."
		}
	case css.URLToken, css.BadURLToken:
		return "url() is not allowed; nothing can be loaded from elsewhere."
	default:
		return "“" + shown(w.text) + "” is not allowed."
	}
	return ""
}

// beyond says that a number reaches further than the property may.
func (b bounds) beyond(w word) string {
	end := strings.IndexFunc(w.text, func(r rune) bool { return (r < '0' || r > '9') && !strings.ContainsRune("+-.", r) })
	digits, unit := w.text, ""
	if end >= 0 {
		digits, unit = w.text[:end], strings.ToLower(w.text[end:])
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || math.Abs(n) > 100000 {
		return "“" + shown(w.text) + "” is not a number that can be used."
	}
	scale, known := map[string]float64{"": 0, "px": 1, "rem": 16, "em": 16, "ch": 8, "pt": 4.0 / 3, "%": 0, "deg": 0, "turn": 0, "ms": 0, "s": 0, "fr": 0}[unit]
	if !known {
		return "the unit of “" + shown(w.text) + "” is not allowed; use px, rem, em or %."
	}
	if unit == "%" && (n < 0 || n > 200) {
		return "“" + shown(w.text) + "” is too far."
	}
	if px := n * scale; px < b.least || px > b.most {
		if scale != 0 || unit == "" && n == 0 {
			return "“" + shown(w.text) + "” is too far; keep it from " + pixels(b.least) + " to " + pixels(b.most) + "."
		}
	}
	return ""
}

func pixels(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) + "px" }

// plainName is a word without escapes: they could spell what the lists forbid.
func plainName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}
