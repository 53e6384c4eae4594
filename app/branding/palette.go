package branding

// Scheme is the ground that the product draws on, light or dark. The values
// are those of the style sheet's tokens; a test compares them.
type Scheme struct {
	Ground, Surface, Raised, Well, Ink Colour
	dark                               bool
}

// Light is the ground of the light scheme.
func Light() Scheme {
	return Scheme{
		Ground: Colour{0xf6, 0xf7, 0xf8}, Surface: Colour{0xff, 0xff, 0xff}, Raised: Colour{0xff, 0xff, 0xff},
		Well: Colour{0xf1, 0xf3, 0xf5}, Ink: Colour{0x14, 0x18, 0x1b},
	}
}

// Dark is the ground of the dark scheme.
func Dark() Scheme {
	return Scheme{
		Ground: Colour{0x0e, 0x11, 0x13}, Surface: Colour{0x16, 0x1a, 0x1d}, Raised: Colour{0x1c, 0x21, 0x25},
		Well: Colour{0x20, 0x26, 0x2b}, Ink: Colour{0xec, 0xef, 0xf1}, dark: true,
	}
}

// Tones are the working colours that one brand colour becomes in one scheme.
// Fill is for buttons, bars and edges; Ink is text on Fill; Soft is a quiet
// ground; Text is text on any ground of the scheme and on Soft.
//
// For every brand colour (WCAG 2.2, 1.4.3 and 1.4.11): Ink on Fill and on
// Hover at least 4.5, Fill on every ground at least 3, Text at least 4.5.
type Tones struct{ Fill, Hover, Ink, Soft, Text Colour }

const (
	textContrast  = 4.5
	shapeContrast = 3.0
	// In the dark a fill carries dark letters, so it may be as bright as it likes.
	brightContrast = 6.0
)

// Accent derives the working colours of the primary colour. In the light
// scheme its fill carries white letters, in the dark scheme dark ones; a fill
// that already can is left exactly as the brand chose it.
func (s Scheme) Accent(c Colour) Tones {
	white := Colour{255, 255, 255}
	if s.dark {
		fill := lighter(c, func(x Colour) bool { return worst(x, s.grounds()...) >= brightContrast })
		return s.tones(fill, s.step(fill), deepest(fill))
	}
	fill := darker(c, func(x Colour) bool {
		return Contrast(x, white) >= textContrast && worst(x, s.grounds()...) >= shapeContrast
	})
	return s.tones(fill, s.step(fill), white)
}

// Second derives the working colours of the secondary colour, which marks
// single things in drawings: it stays as near to the brand's choice as a
// visible shape can.
func (s Scheme) Second(c Colour) Tones {
	visible := func(x Colour) bool { return worst(x, s.grounds()...) >= shapeContrast }
	fill := darker(c, visible)
	if s.dark {
		fill = lighter(c, visible)
	}
	ink := Colour{255, 255, 255}
	if Contrast(ink, fill) < textContrast {
		ink = deepest(fill)
	}
	return s.tones(fill, fill, ink)
}

func (s Scheme) grounds() []Colour {
	return []Colour{s.Ground, s.Surface, s.Raised, s.Well}
}

func (s Scheme) tones(fill, hover, ink Colour) Tones {
	t := Tones{Fill: fill, Hover: hover, Ink: ink, Soft: mix(fill, s.Surface, 0.11)}
	readable := func(x Colour) bool { return worst(x, append(s.grounds(), t.Soft)...) >= textContrast }
	if s.dark {
		t.Soft = mix(fill, s.Surface, 0.16)
		t.Text = lighter(fill, readable)
	} else {
		t.Text = darker(fill, readable)
	}
	return t
}

// step is the fill under the pointer: further away from the ground, so the
// letters on it only become clearer.
func (s Scheme) step(fill Colour) Colour {
	o := fill.oklab()
	if s.dark {
		o.l = min(1, o.l+0.05)
		return o.colour()
	}
	o.l = max(0, o.l-0.06)
	return o.colour()
}

// deepest is black with a trace of the fill's hue, or black itself where the
// trace would cost readability.
func deepest(fill Colour) Colour {
	o := fill.oklab()
	o.l, o.a, o.b = 0.17, o.a*0.4, o.b*0.4
	if ink := o.colour(); Contrast(ink, fill) >= textContrast {
		return ink
	}
	return Colour{}
}

// darker takes lightness away in small steps until ok; black ends it.
func darker(c Colour, ok func(Colour) bool) Colour { return shift(c, -0.004, ok) }

// lighter adds lightness in small steps until ok; white ends it.
func lighter(c Colour, ok func(Colour) bool) Colour { return shift(c, 0.004, ok) }

func shift(c Colour, step float64, ok func(Colour) bool) Colour {
	from := c.oklab()
	for l := from.l; !ok(c) && l >= 0 && l <= 1; {
		l += step
		o := oklab{min(max(l, 0), 1), from.a, from.b}
		if l > from.l && from.l > 0 {
			// A colour made lighter looks washed out unless its chroma grows with it.
			stronger := min(l/from.l, 1.7)
			o.a, o.b = o.a*stronger, o.b*stronger
		}
		c = o.colour()
	}
	return c
}
