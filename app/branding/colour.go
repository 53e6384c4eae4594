package branding

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// Colour is one opaque colour of the sRGB space, one byte a channel.
type Colour struct{ R, G, B uint8 }

// ParseColour reads "#rrggbb"; capital letters are fine, nothing else is. The
// error is a sentence for the person who typed it.
func ParseColour(s string) (Colour, error) {
	if len(s) != 7 || s[0] != '#' {
		return Colour{}, fmt.Errorf("%q is not a colour: write # and six hexadecimal digits, such as #3b82f6", s)
	}
	raw, err := hex.DecodeString(s[1:])
	if err != nil {
		return Colour{}, fmt.Errorf("%q is not a colour: write # and six hexadecimal digits, such as #3b82f6", s)
	}
	return Colour{raw[0], raw[1], raw[2]}, nil
}

// String is the colour as "#rrggbb" in small letters.
func (c Colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)
}

// MarshalText lets a colour stand in JSON and in settings as "#rrggbb".
func (c Colour) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is the inverse of MarshalText; its errors are ParseColour's.
func (c *Colour) UnmarshalText(text []byte) error {
	parsed, err := ParseColour(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}

// Luminance is the relative luminance of WCAG 2.2, from 0 (black) to 1 (white).
func (c Colour) Luminance() float64 {
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

// Contrast is the contrast ratio of WCAG 2.2, from 1 to 21, in either order.
func Contrast(a, b Colour) float64 {
	la, lb := a.Luminance(), b.Luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// worst is the lowest contrast of c with any of grounds.
func worst(c Colour, grounds ...Colour) float64 {
	low := math.Inf(1)
	for _, g := range grounds {
		low = min(low, Contrast(c, g))
	}
	return low
}

func linear(b uint8) float64 {
	v := float64(b) / 255
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func encoded(v float64) uint8 {
	v = min(max(v, 0), 1)
	if v <= 0.0031308 {
		v *= 12.92
	} else {
		v = 1.055*math.Pow(v, 1/2.4) - 0.055
	}
	return uint8(math.Round(v * 255))
}

// mix is share of a in b, from 0 to 1, channel by channel.
func mix(a, b Colour, share float64) Colour {
	m := func(x, y uint8) uint8 {
		return uint8(math.Round(float64(x)*share + float64(y)*(1-share)))
	}
	return Colour{m(a.R, b.R), m(a.G, b.G), m(a.B, b.B)}
}

// oklab is a colour by perceived lightness l (0 to 1) and two opponent axes
// (Björn Ottosson, 2020), so that a colour can be made darker or lighter
// without changing its hue.
type oklab struct{ l, a, b float64 }

func (c Colour) oklab() oklab {
	r, g, b := linear(c.R), linear(c.G), linear(c.B)
	l := math.Cbrt(0.4122214708*r + 0.5363325363*g + 0.0514459929*b)
	m := math.Cbrt(0.2119034982*r + 0.6806995451*g + 0.1073969566*b)
	s := math.Cbrt(0.0883024619*r + 0.2817188376*g + 0.6299787005*b)
	return oklab{
		l: 0.2104542553*l + 0.7936177850*m - 0.0040720468*s,
		a: 1.9779984951*l - 2.4285922050*m + 0.4505937099*s,
		b: 0.0259040371*l + 0.7827717662*m - 0.8086757660*s,
	}
}

// colour gives the nearest colour a screen can show with the same lightness and
// hue: it takes away chroma until every channel fits.
func (o oklab) colour() Colour {
	low, high := 0.0, 1.0
	r, g, b := o.rgb(1)
	if !fits(r, g, b) {
		for range 20 {
			mid := (low + high) / 2
			if r, g, b = o.rgb(mid); fits(r, g, b) {
				low = mid
			} else {
				high = mid
			}
		}
		r, g, b = o.rgb(low)
	}
	return Colour{encoded(r), encoded(g), encoded(b)}
}

func (o oklab) rgb(chroma float64) (r, g, b float64) {
	a, bb := o.a*chroma, o.b*chroma
	l := cube(o.l + 0.3963377774*a + 0.2158037573*bb)
	m := cube(o.l - 0.1055613458*a - 0.0638541728*bb)
	s := cube(o.l - 0.0894841775*a - 1.2914855480*bb)
	return 4.0767416621*l - 3.3077115913*m + 0.2309699292*s,
		-1.2684380046*l + 2.6097574011*m - 0.3413193965*s,
		-0.0041960863*l - 0.7034186147*m + 1.7076147010*s
}

func cube(v float64) float64 { return v * v * v }

func fits(channels ...float64) bool {
	const slack = 1e-4
	for _, v := range channels {
		if v < -slack || v > 1+slack {
			return false
		}
	}
	return true
}
