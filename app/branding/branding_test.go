package branding

import (
	"encoding/xml"
	"io"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func anyColour() *rapid.Generator[Colour] {
	return rapid.Custom(func(t *rapid.T) Colour {
		return Colour{rapid.Uint8().Draw(t, "r"), rapid.Uint8().Draw(t, "g"), rapid.Uint8().Draw(t, "b")}
	})
}

func TestParseColour(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"#3B82F6", "#000000", "#ffffff", "#0f766e"} {
		c, err := ParseColour(in)
		if err != nil || c.String() != strings.ToLower(in) {
			t.Errorf("ParseColour(%q) = %v, %v", in, c, err)
		}
	}
	for _, in := range []string{"", "3b82f6", "#3b82f", "#3b82f6;", "#3b82g6", "red", "#fff", "#3b82f6ff", "#３b82f6"} {
		if c, err := ParseColour(in); err == nil {
			t.Errorf("ParseColour(%q) = %v, want an error", in, c)
		}
	}
}

func TestContrastIsWCAG(t *testing.T) {
	t.Parallel()
	white, black := Colour{255, 255, 255}, Colour{}
	tests := []struct {
		a, b Colour
		want float64
	}{
		{white, black, 21}, {white, white, 1}, {Colour{0x77, 0x77, 0x77}, white, 4.478}, {Colour{0x3b, 0x82, 0xf6}, white, 3.678},
	}
	for _, tt := range tests {
		if got := Contrast(tt.a, tt.b); math.Abs(got-tt.want) > 0.001 {
			t.Errorf("Contrast(%v, %v) = %.3f, want %.3f", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestEveryBrandColourIsReadable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := anyColour().Draw(t, "colour")
		checkTones(t, c, "light", Light(), Light().Accent(c))
		checkTones(t, c, "dark", Dark(), Dark().Accent(c))
		checkTones(t, c, "light, second", Light(), Light().Second(c))
		checkTones(t, c, "dark, second", Dark(), Dark().Second(c))
	})
}

func TestCoarseGridOfColoursIsReadable(t *testing.T) {
	t.Parallel()
	for r := 0; r < 256; r += 51 {
		for g := 0; g < 256; g += 51 {
			for b := 0; b < 256; b += 51 {
				c := Colour{uint8(r), uint8(g), uint8(b)}
				checkTones(t, c, "light", Light(), Light().Accent(c))
				checkTones(t, c, "dark", Dark(), Dark().Accent(c))
				checkTones(t, c, "light, second", Light(), Light().Second(c))
				checkTones(t, c, "dark, second", Dark(), Dark().Second(c))
			}
		}
	}
}

type failer interface {
	Errorf(format string, args ...any)
}

func checkTones(t failer, c Colour, scheme string, s Scheme, got Tones) {
	if low := min(Contrast(got.Ink, got.Fill), Contrast(got.Ink, got.Hover)); low < 4.5 {
		t.Errorf("%v, %s: text on the fill has contrast %.2f", c, scheme, low)
	}
	if low := worst(got.Fill, s.grounds()...); low < 3 {
		t.Errorf("%v, %s: the fill %v on its ground has contrast %.2f", c, scheme, got.Fill, low)
	}
	if low := worst(got.Text, append(s.grounds(), got.Soft)...); low < 4.5 {
		t.Errorf("%v, %s: the text colour %v has contrast %.2f", c, scheme, got.Text, low)
	}
	if low := Contrast(s.Ink, got.Soft); low < 4.5 {
		t.Errorf("%v, %s: plain text on the soft ground has contrast %.2f", c, scheme, low)
	}
}

func TestReadableColoursStayAsChosen(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"#0f766e", "#1d4ed8", "#7c3aed", "#b91c1c"} {
		c, err := ParseColour(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := Light().Accent(c).Fill; got != c {
			t.Errorf("the light accent of %v became %v", c, got)
		}
	}
}

func TestShiftKeepsTheHue(t *testing.T) {
	t.Parallel()
	yellow := Colour{0xfa, 0xcc, 0x15}
	before, after := yellow.oklab(), Light().Accent(yellow).Fill.oklab()
	turn := math.Abs(math.Atan2(before.b, before.a) - math.Atan2(after.b, after.a))
	if turn > 0.1 {
		t.Errorf("the hue turned by %.3f radians", turn)
	}
}

func TestCSSSetsOnlyCustomProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := Default("Northwind")
		b.Primary, b.Secondary = anyColour().Draw(t, "primary"), anyColour().Draw(t, "secondary")
		css := string(CSS(b))
		body, ok := strings.CutPrefix(css, ":root {\n")
		if !ok || !strings.HasSuffix(body, "}\n") {
			t.Fatalf("unexpected shape:\n%s", css)
		}
		line := regexp.MustCompile(`^  --[a-z-]+: (#[0-9a-f]{6}|light-dark\(#[0-9a-f]{6}, #[0-9a-f]{6}\));$`)
		for _, l := range strings.Split(strings.TrimSuffix(body, "\n}\n"), "\n") {
			if !line.MatchString(l) {
				t.Errorf("unexpected line %q", l)
			}
		}
		for _, want := range []string{"--primary-color: " + b.Primary.String() + ";", "--secondary-color: " + b.Secondary.String() + ";"} {
			if !strings.Contains(css, want) {
				t.Errorf("%q is missing", want)
			}
		}
	})
}

func TestVersionFollowsTheColours(t *testing.T) {
	t.Parallel()
	a, b := Default("Northwind"), Default("Contoso")
	if Version(a) != Version(b) {
		t.Error("the name changed the version of the colours")
	}
	b.Secondary = Colour{1, 2, 3}
	if Version(a) == Version(b) {
		t.Error("another colour has the same version")
	}
}

// The style sheet and this package must agree on the grounds, or the promises
// about contrast are about other colours.
func TestSchemesAreThoseOfTheStyleSheet(t *testing.T) {
	t.Parallel()
	tokens, err := os.ReadFile("../../assets/css/2-tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark := Light(), Dark()
	for name, pair := range map[string][2]Colour{
		"ground": {light.Ground, dark.Ground}, "surface": {light.Surface, dark.Surface},
		"raised": {light.Raised, dark.Raised}, "well": {light.Well, dark.Well}, "ink": {light.Ink, dark.Ink},
	} {
		want := "--" + name + ": light-dark(" + pair[0].String() + ", " + pair[1].String() + ");"
		if !strings.Contains(string(tokens), want) {
			t.Errorf("the tokens do not say %s", want)
		}
	}
}

func TestMonogram(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"Northwind Desktops": "ND", "contoso": "C", "": "•", "  ": "•", "<b>": "B", "Ärzte & Söhne GmbH": "ÄS", "日本 クラウド": "日ク", "3com": "3", "!!": "•",
	}
	for in, want := range tests {
		if got := (Brand{CompanyName: in}).Monogram(); got != want {
			t.Errorf("the monogram of %q is %q, want %q", in, got, want)
		}
	}
}

func TestMarkIsWellFormed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := Default(rapid.StringMatching(`[ -~ä-ü]{0,20}`).Draw(t, "name"))
		d := xml.NewDecoder(strings.NewReader(string(Mark(b))))
		for {
			if _, err := d.Token(); err == io.EOF {
				return
			} else if err != nil {
				t.Fatalf("the mark of %q: %v", b.CompanyName, err)
			}
		}
	})
}
