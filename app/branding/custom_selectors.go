package branding

import (
	"strings"

	"github.com/tdewolff/parse/v2/css"
)

// scope is the class of a shop's pages, beneath which every rule stays.
const scope = ".shop"

// selectors writes a rule's selectors again, each beneath the shop's class. It is
// empty when one of them cannot be used.
func (r *sheet) selectors(words []word, line int) string {
	var all []string
	for _, part := range split(words) {
		text, ok := selector(trimSpace(part))
		if !ok {
			r.flaw(line, "The selector “%s” cannot be used: write elements, .classes, #ids and states such as :hover.", shown(spell(part)))
			return ""
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// split parts words at the commas that stand in no bracket.
func split(words []word) (parts [][]word) {
	depth, from := 0, 0
	for n, w := range words {
		switch w.kind {
		case css.FunctionToken, css.LeftParenthesisToken:
			depth++
		case css.RightParenthesisToken:
			depth--
		case css.CommaToken:
			if depth == 0 {
				parts, from = append(parts, words[from:n]), n+1
			}
		}
	}
	return append(parts, words[from:])
}

func spell(words []word) string {
	var out strings.Builder
	for _, w := range words {
		out.WriteString(w.text)
	}
	return out.String()
}

// selector checks one selector and puts it beneath the scope. What means the whole
// page (html, body, :root, .shop) is the scope itself.
func selector(words []word) (string, bool) {
	words = trimSpace(words)
	if len(words) == 0 {
		return "", false
	}
	words, whole := afterRoot(words)
	text, ok := compound(words)
	switch {
	case !ok:
		return "", false
	case text == "":
		return scope, true
	case whole:
		if first := strings.TrimSpace(text); first == "" || strings.ContainsAny(first[:1], "+~") {
			return "", false // a neighbour of the page is none of the shop's
		}
		return scope + text, true
	case strings.ContainsAny(text[:1], ">+~"):
		return "", false
	}
	return scope + " " + text, true
}

// afterRoot takes off the words that mean the page itself, and says whether there
// were any.
func afterRoot(words []word) (rest []word, whole bool) {
	for {
		switch {
		case len(words) > 0 && words[0].kind == css.IdentToken && isOneOf(words[0].text, "html", "body"):
			words, whole = words[1:], true
		case len(words) > 1 && words[0].kind == css.ColonToken && strings.EqualFold(words[1].text, "root"),
			len(words) > 1 && words[0].text == "." && words[1].text == "shop":
			words, whole = words[2:], true
		default:
			return words, whole
		}
		// “html body p”: between two that mean the page there is nothing.
		if next := trimSpace(words); len(next) > 0 && len(next) < len(words) && meansPage(next) {
			words = next
		}
	}
}

func meansPage(words []word) bool {
	return isOneOf(words[0].text, "html", "body") || len(words) > 1 && (words[0].text == "." && words[1].text == "shop" || words[0].kind == css.ColonToken && strings.EqualFold(words[1].text, "root"))
}

func isOneOf(text string, names ...string) bool {
	for _, name := range names {
		if strings.EqualFold(text, name) {
			return true
		}
	}
	return false
}

// compound writes the words of a selector again; ok is false for any that is not
// known. No word may mean the page itself or something above it.
func compound(words []word) (string, bool) {
	var out strings.Builder
	depth := 0
	for n, w := range words {
		before := word{}
		if n > 0 {
			before = words[n-1]
		}
		switch w.kind {
		case css.WhitespaceToken:
			out.WriteByte(' ')
			continue
		case css.IdentToken:
			if !plainName(w.text) || before.kind == css.ColonToken && !pseudoClasses()[strings.ToLower(w.text)] || isOneOf(w.text, "html") {
				return "", false
			}
		case css.HashToken:
			if !plainName(w.text[1:]) {
				return "", false
			}
		case css.FunctionToken:
			if before.kind != css.ColonToken || !pseudoFunctions()[strings.ToLower(strings.TrimSuffix(w.text, "("))] {
				return "", false
			}
			depth++
		case css.RightParenthesisToken:
			if depth--; depth < 0 {
				return "", false
			}
		case css.ColonToken:
			if before.kind == css.ColonToken || n+1 == len(words) {
				return "", false
			}
		case css.DelimToken:
			if !strings.Contains(".>+~*", w.text) {
				return "", false
			}
		case css.NumberToken, css.DimensionToken, css.CommaToken:
			if depth == 0 || strings.ContainsRune(w.text, '\\') {
				return "", false
			}
		default:
			return "", false
		}
		out.WriteString(w.text)
	}
	return out.String(), depth == 0
}
