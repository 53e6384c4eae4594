package branding

import (
	"fmt"
	"strings"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"

	"github.com/ezscale/ezscale/app/fail"
)

// The bounds of a shop's own style sheet.
const (
	maxCustomCSS   = 64 << 10
	maxCustomRules = 500
	maxCustomFlaws = 12
)

// Custom reads a shop's own rules and writes those that may stay as a style sheet
// of the last layer, each beneath the class of a shop's pages. Nothing of it is
// passed on unread: what is not known to be harmless is an error with its line,
// and nothing outside the shop can be loaded. Fails with fail.Invalid on
// custom_css, a sentence for each flaw; an empty text gives an empty sheet.
func Custom(text string) ([]byte, error) {
	if len(text) > maxCustomCSS {
		return nil, fail.Fields{"custom_css": "The style sheet is longer than 64 KB."}.Err()
	}
	r := newReader(text)
	body := r.rules(0)
	if len(r.flaws) > 0 {
		return nil, fail.Fields{"custom_css": strings.Join(r.flaws, " ")}.Err()
	}
	if body == "" {
		return nil, nil
	}
	return []byte("@layer brand {\n" + body + "}\n"), nil
}

// word is one token and the line it stands on.
type word struct {
	kind css.TokenType
	text string
	line int
}

// sheet reads words one after the other and collects what is wrong with them.
type sheet struct {
	words []word
	at    int
	count int // of rules
	flaws []string
	known map[string]bounds // properties
}

func newReader(text string) *sheet {
	r, line := &sheet{known: properties()}, 1
	lexer := css.NewLexer(parse.NewInputString(text))
	for {
		kind, data := lexer.Next()
		if kind == css.ErrorToken {
			break
		}
		if kind != css.CommentToken {
			r.words = append(r.words, word{kind, string(data), line})
		} else {
			r.words = append(r.words, word{css.WhitespaceToken, " ", line})
		}
		line += strings.Count(string(data), "\n")
	}
	r.words = append(r.words, word{css.ErrorToken, "", line})
	return r
}

func (r *sheet) now() word   { return r.words[r.at] }
func (r *sheet) ended() bool { return r.now().kind == css.ErrorToken }

func (r *sheet) step() {
	if !r.ended() {
		r.at++
	}
}

func (r *sheet) space() {
	for r.now().kind == css.WhitespaceToken {
		r.at++
	}
}

func (r *sheet) flaw(line int, format string, args ...any) {
	if len(r.flaws) < maxCustomFlaws {
		r.flaws = append(r.flaws, fmt.Sprintf("Line %d: ", line)+fmt.Sprintf(format, args...))
	}
}

// shown is a piece of a style sheet as an error repeats it.
func shown(text string) string {
	text = strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "?")
	if short := []rune(text); len(short) > 40 {
		text = string(short[:40]) + "…"
	}
	return text
}

// until takes the words up to one of the ends, which it leaves. Brackets must close.
func (r *sheet) until(ends ...css.TokenType) (taken []word) {
	depth := 0
	for ; !r.ended(); r.at++ {
		w := r.now()
		if depth == 0 {
			for _, end := range ends {
				if w.kind == end {
					return taken
				}
			}
		}
		switch w.kind {
		case css.FunctionToken, css.LeftParenthesisToken, css.LeftBracketToken:
			depth++
		case css.RightParenthesisToken, css.RightBracketToken:
			depth--
		case css.LeftBraceToken, css.RightBraceToken:
			return taken
		}
		taken = append(taken, w)
	}
	return taken
}

// rules reads rules to the end of the text, or of the block around them.
func (r *sheet) rules(depth int) string {
	var out strings.Builder
	for {
		r.space()
		w := r.now()
		switch {
		case w.kind == css.ErrorToken:
			if depth > 0 {
				r.flaw(w.line, "A closing } is missing.")
			}
			return out.String()
		case w.kind == css.RightBraceToken && depth > 0:
			r.step()
			return out.String()
		case w.kind == css.AtKeywordToken:
			out.WriteString(r.atRule(depth))
		default:
			out.WriteString(r.rule())
		}
		if r.count++; r.count > maxCustomRules {
			r.flaw(w.line, "There are more than %d rules.", maxCustomRules)
			return ""
		}
	}
}

// atRule reads @media, the only one there is a use for.
func (r *sheet) atRule(depth int) string {
	name := r.now()
	r.step()
	condition := r.until(css.LeftBraceToken, css.SemicolonToken)
	if !strings.EqualFold(name.text, "@media") || depth > 0 || r.now().kind != css.LeftBraceToken {
		r.flaw(name.line, "%s cannot be used here. Only @media around plain rules can.", shown(name.text))
		r.skipBlock()
		return ""
	}
	r.step()
	text, ok := r.condition(condition)
	body := r.rules(depth + 1)
	if !ok {
		r.flaw(name.line, "This @media condition is not known. Use widths, prefers-color-scheme or prefers-reduced-motion.")
		return ""
	}
	if body == "" {
		return ""
	}
	return "@media " + text + " {\n" + body + "}\n"
}

func (r *sheet) condition(words []word) (string, bool) {
	var out strings.Builder
	known := false
	for _, w := range words {
		switch w.kind {
		case css.WhitespaceToken:
			out.WriteByte(' ')
			continue
		case css.IdentToken:
			if !mediaWords()[strings.ToLower(w.text)] {
				return "", false
			}
			known = true
		case css.DimensionToken, css.NumberToken, css.LeftParenthesisToken, css.RightParenthesisToken, css.ColonToken, css.CommaToken:
		default:
			return "", false
		}
		out.WriteString(strings.ToLower(w.text))
	}
	return strings.TrimSpace(out.String()), known
}

// skipBlock passes over a rule that is refused as a whole.
func (r *sheet) skipBlock() {
	for depth := 0; !r.ended(); {
		kind := r.now().kind
		r.step()
		switch {
		case kind == css.SemicolonToken && depth == 0:
			return
		case kind == css.LeftBraceToken:
			depth++
		case kind == css.RightBraceToken:
			if depth--; depth <= 0 {
				return
			}
		}
	}
}

// rule reads selectors and the declarations between their braces.
func (r *sheet) rule() string {
	first := r.now()
	prelude := r.until(css.LeftBraceToken, css.SemicolonToken)
	if r.now().kind != css.LeftBraceToken {
		r.flaw(first.line, "A rule such as h1 { color: #123456 } was expected.")
		r.step()
		return ""
	}
	r.step()
	selectors := r.selectors(prelude, first.line)
	body := r.declarations()
	if selectors == "" || body == "" {
		return ""
	}
	return selectors + " {\n" + body + "}\n"
}

func (r *sheet) declarations() string {
	var out strings.Builder
	for {
		r.space()
		w := r.now()
		switch w.kind {
		case css.ErrorToken:
			r.flaw(w.line, "A closing } is missing.")
			return out.String()
		case css.RightBraceToken:
			r.step()
			return out.String()
		case css.SemicolonToken:
			r.step()
		case css.LeftBraceToken:
			r.flaw(w.line, "Rules cannot stand inside rules here.")
			r.skipBlock()
		default:
			out.WriteString(r.declaration())
		}
	}
}

func (r *sheet) declaration() string {
	words := r.until(css.SemicolonToken)
	if len(words) == 0 {
		r.step()
		return ""
	}
	name := words[0]
	rest := trimSpace(words[1:])
	if name.kind != css.IdentToken || len(rest) < 2 || rest[0].kind != css.ColonToken {
		r.flaw(name.line, "“%s” is not a declaration such as color: #123456.", shown(name.text))
		return ""
	}
	property := strings.ToLower(name.text)
	kind, known := r.known[property]
	if !known {
		r.flaw(name.line, "%s is not among the properties that a shop may set.", shown(property))
		return ""
	}
	value, problem := valueOf(kind, trimSpace(rest[1:]))
	if problem != "" {
		r.flaw(name.line, "%s: %s", property, problem)
		return ""
	}
	return "  " + property + ": " + value + ";\n"
}

func trimSpace(words []word) []word {
	for len(words) > 0 && words[0].kind == css.WhitespaceToken {
		words = words[1:]
	}
	for len(words) > 0 && words[len(words)-1].kind == css.WhitespaceToken {
		words = words[:len(words)-1]
	}
	return words
}
