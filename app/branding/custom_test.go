package branding

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/fail"
)

func flawsOf(err error) string {
	var refused *fail.Error
	if errors.As(err, &refused) {
		return refused.Fields["custom_css"]
	}
	return ""
}

func TestCustomRulesStayBeneathTheShop(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"h1 { color: #123456 }", ".shop h1 {\n  color: #123456;\n}\n"},
		{"h1,.card:hover>p{letter-spacing:.02em}", ".shop h1, .shop .card:hover>p {\n  letter-spacing: .02em;\n}\n"},
		{"body { background: linear-gradient(90deg, red 0%, #00f 100%) }", ".shop {\n  background: linear-gradient(90deg, red 0%, #00f 100%);\n}\n"},
		{":root, html body p, .shop a { COLOR: rgb(1 2 3 / 50%) }", ".shop, .shop p, .shop a {\n  color: rgb(1 2 3 / 50%);\n}\n"},
		{"/* a */ .btn { border-radius: 999px; } .btn { border-radius: 99px; }", ""},
		{"li:nth-child(2n+1):not(.x, .y) { padding: 4px 8px }", ".shop li:nth-child(2n+1):not(.x, .y) {\n  padding: 4px 8px;\n}\n"},
		{`h2 { font-family: "Fira Sans", sans-serif; font-size: 1.5rem }`, ".shop h2 {\n  font-family: \"Fira Sans\", sans-serif;\n  font-size: 1.5rem;\n}\n"},
		{"@media (min-width: 40rem) { p { max-width: calc(60ch - 2rem) } }", "@media (min-width: 40rem) {\n.shop p {\n  max-width: calc(60ch - 2rem);\n}\n}\n"},
		{".card { background: var(--accent-soft); box-shadow: 0 2px 8px rgba(0,0,0,.2) }", ".shop .card {\n  background: var(--accent-soft);\n  box-shadow: 0 2px 8px rgba(0,0,0,.2);\n}\n"},
	}
	for _, tt := range tests {
		got, err := Custom(tt.in)
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s gave %s", tt.in, got)
			}
			continue
		}
		if want := "@layer brand {\n" + tt.want + "}\n"; err != nil || string(got) != want {
			t.Errorf("%s\ngave %s\nwant %s\n%v", tt.in, got, want, err)
		}
	}
	for _, nothing := range []string{"", " \n", "/* only a remark */", "h1 {}"} {
		if got, err := Custom(nothing); err != nil || len(got) != 0 {
			t.Errorf("%q gave %q, %v", nothing, got, err)
		}
	}
}

// attacks are rules that load from elsewhere, reach beyond the shop, or lay one
// thing over another.
var attacks = []string{
	`@import url(//evil.test/x.css);`, `@import "//evil.test/x.css";`, `@IMPORT 'x';`, `@\69mport "x";`, `@charset "utf-8";`, `@namespace x url(//evil.test);`,
	`@font-face { font-family: x; src: url(//evil.test) }`, `@layer tokens { h1 { color: red } }`, `@property --accent { syntax: "*" }`, `@supports (color: red) { h1 { color: red } }`,
	`@keyframes x { from { color: red } }`, `@page { margin: 0 }`, `@container (width > 1px) { p { color: red } }`, `@scope (html) { p { color: red } }`,
	`h1 { background: url(//evil.test/p.png) }`, `h1 { background: url("//evil.test") }`, `h1 { background: URL(x) }`, `h1 { background: u\72l(x) }`, `h1 { background: image-set("x" 1x) }`,
	`h1 { background: image(x) }`, `h1 { background: element(#x) }`, `h1 { background: src("x") }`, `h1 { background: attr(title) }`, `h1 { background: env(x) }`, `h1 { background: paint(x) }`,
	`h1 { width: expression(alert(1)) }`, `h1 { color: expression(alert(1)) }`, `h1 { behavior: url(x.htc) }`, `h1 { -moz-binding: url(x) }`,
	`p { position: fixed }`, `p { position: absolute; inset: 0 }`, `p { top: 0 }`, `p { z-index: 99999 }`, `p { transform: scale(99) }`, `p { translate: 100px }`, `p { scale: 9 }`, `p { opacity: 0 }`,
	`p { display: none }`, `p { visibility: hidden }`, `p { clip-path: inset(0) }`, `p { filter: blur(9px) }`, `p { content: "Pay to IBAN" }`, `p::before { color: red }`, `p::after { content: "x" }`,
	`p { margin: -500px }`, `p { margin-top: -1px }`, `p { font-size: 0 }`, `p { font-size: 1px }`, `p { box-shadow: 0 0 0 9999px red }`, `p { box-shadow: 0 0 0 100vmax red }`, `p { outline: 9999px solid red }`,
	`p { text-indent: -9999px }`, `p { letter-spacing: -999px }`, `p { border: 9999px solid red }`, `p { pointer-events: none }`, `p { width: 0 }`, `p { height: 0 }`, `p { overflow: hidden }`, `p { float: left }`,
	`p { color: red !important }`, `p { --accent: red }`, `p { all: unset }`, `p { animation: x 1s }`, `p { cursor: none }`, `p { line-height: 1e99 }`, `p { box-shadow: calc(1px * 9999) 0 red }`,
	`html + p { color: red }`, `~ p { color: red }`, `> p { color: red }`, `.shop ~ p { color: red }`, `.shop+p{color:red}`, `p:has(x) { color: red }`, `input[value^="a"] { color: red }`, `:host { color: red }`, `::-webkit-scrollbar { color: red }`,
	`p:is(html) { color: red }`, `a\:b { color: red }`, `p { c\6flor: red }`, `p { color: r\65 d }`, `{ color: red }`, `, { color: red }`, `p,, a { color: red }`,
	`p { color: red`, `p`, `}`, `p { color: red } }`, `p { color }`, `p { color: }`, `p { color: ( }`, `p { color: ) }`, `p { color: rgb(1,2,3 }`, `p { a { color: red } }`, `p { color: red; } h1 }`,
	`</style><script>alert(1)</script>`, `<!-- p { color: red } -->`, `p { color: "red" }`, `p { font-family: "a\
b" }`, `p { font-family: "unclosed }`, "p { color: red\x00 }", `@media (min-width: 1px) { @media print { p { color: red } } }`, `@media url(x) { p { color: red } }`, `@media "x" { p { color: red } }`, `@media { p { color: red } }`, `@media print`,
}

func TestCustomRulesThatReachFurtherAreRefused(t *testing.T) {
	t.Parallel()
	for _, in := range attacks {
		got, err := Custom("h1 { color: red }\n" + in)
		if err == nil {
			t.Errorf("%s\nwas taken as %s", in, got)
		} else if flaws := flawsOf(err); !strings.Contains(flaws, "Line ") {
			t.Errorf("%s: the error names no line: %q", in, flaws)
		}
	}
}

func TestFlawsNameTheirLines(t *testing.T) {
	t.Parallel()
	_, err := Custom("h1 {\n  color: red;\n  position: fixed;\n}\n\np { background: url(x) }\n@import 'x';\n")
	got := flawsOf(err)
	for _, want := range []string{"Line 3: position", "Line 6: background: url()", "Line 7: @import"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
	if _, err := Custom(strings.Repeat("x", maxCustomCSS+1)); flawsOf(err) == "" {
		t.Error("a style sheet beyond the limit was taken")
	}
	if _, err := Custom(strings.Repeat("p{color:red}", maxCustomRules+1)); flawsOf(err) == "" {
		t.Error("more rules than the limit were taken")
	}
}

var (
	cleanDeclaration = regexp.MustCompile(`^  [a-z-]+: [^;{}\\@<>]+;$`)
	cleanRule        = regexp.MustCompile(`^\.shop[^{}\\@;]* \{$`)
	cleanMedia       = regexp.MustCompile(`^@media [a-z0-9 ():,.+%-]+ \{$`)
)

// checkCustom holds what came out against rules written in another way than those
// that made it.
func checkCustom(t *testing.T, in string) {
	out, err := Custom(in)
	if err != nil {
		if flawsOf(err) == "" {
			t.Fatalf("%q: %v says nothing about the field", in, err)
		}
		return
	}
	if len(out) == 0 {
		return
	}
	body, ok := strings.CutPrefix(string(out), "@layer brand {\n")
	body, end := strings.CutSuffix(body, "}\n")
	if !ok || !end {
		t.Fatalf("%q gave %q, outside the layer", in, out)
	}
	for _, line := range strings.Split(strings.TrimSuffix(body, "\n"), "\n") {
		if line != "}" && !cleanDeclaration.MatchString(line) && !cleanRule.MatchString(line) && !cleanMedia.MatchString(line) {
			t.Fatalf("%q gave the line %q", in, line)
		}
	}
	low := strings.ToLower(body)
	for _, never := range []string{"url(", "@import", "expression", "position:", "!important", "http:", "//", "::", "display:", "opacity:", "image("} {
		if strings.Contains(low, never) {
			t.Fatalf("%q gave %q, which has %q", in, out, never)
		}
	}
	again, err := Custom(body)
	if err != nil || string(again) != string(out) {
		t.Fatalf("%q gave %q, which reads again as %q, %v", in, out, again, err)
	}
}

func FuzzCustom(f *testing.F) {
	for _, in := range attacks {
		f.Add(in)
	}
	f.Add("h1, .card:hover > p { letter-spacing: .02em; background: linear-gradient(90deg, red 0%, #00f 100%) }\n@media (min-width: 40rem) { li:nth-child(2n+1) { padding: 4px } }")
	f.Add(`body { font-family: "Fira Sans", serif; box-shadow: 0 2px 8px rgba(0,0,0,.2) } /* x */ .a.b#c { max-width: calc(60ch - 2rem) }`)
	f.Fuzz(checkCustom)
}

func TestALongSheetIsReadQuickly(t *testing.T) {
	t.Parallel()
	for _, in := range []string{strings.Repeat("(", maxCustomCSS), strings.Repeat("a{", maxCustomCSS/2), strings.Repeat("@media(", maxCustomCSS/7), strings.Repeat("/*", maxCustomCSS/2), strings.Repeat(":not(", maxCustomCSS/5)} {
		began := time.Now()
		if _, err := Custom(in); err == nil && !strings.HasPrefix(in, "/*") {
			t.Errorf("%q… was taken", in[:8])
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%q… took %s", in[:8], took)
		}
	}
}
