package branding

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
)

// CSS is the style sheet at /brand.css. It sets custom properties and nothing
// else, outside every layer, so it wins over the product's own values and can
// restyle nothing. The two chosen colours stand in it exactly as given.
func CSS(b Brand) []byte {
	light, dark := Light(), Dark()
	var out bytes.Buffer
	fmt.Fprintf(&out, ":root {\n  --primary-color: %s;\n  --secondary-color: %s;\n", b.Primary, b.Secondary)
	write := func(name string, l, d Tones) {
		for _, p := range []struct {
			suffix      string
			light, dark Colour
		}{
			{"", l.Fill, d.Fill}, {"-hover", l.Hover, d.Hover}, {"-ink", l.Ink, d.Ink},
			{"-soft", l.Soft, d.Soft}, {"-text", l.Text, d.Text},
		} {
			fmt.Fprintf(&out, "  --%s%s: light-dark(%s, %s);\n", name, p.suffix, p.light, p.dark)
		}
	}
	write("accent", light.Accent(b.Primary), dark.Accent(b.Primary))
	write("second", light.Second(b.Secondary), dark.Second(b.Secondary))
	out.WriteString("}\n")
	return out.Bytes()
}

// Version is the hash of the brand's style sheet, for its address
// (/brand.css?v=…), so that a browser may keep it for ever.
func Version(b Brand) string {
	return HashOf(CSS(b))
}

// HashOf names a style sheet by its content.
func HashOf(sheet []byte) string {
	sum := sha256.Sum256(sheet)
	return hex.EncodeToString(sum[:6])
}

// Mark is the drawn logo of a brand that has none, as an SVG document: the
// monogram on the brand's colour. It is also the default favicon.
func Mark(b Brand) []byte {
	tones := Light().Accent(b.Primary)
	size := 15
	if len([]rune(b.Monogram())) == 1 {
		size = 19
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" role="img" aria-label="%s">`+
		`<rect width="32" height="32" rx="9" fill="%s"/>`+
		`<text x="16" y="17" text-anchor="middle" dominant-baseline="central" font-family="system-ui, sans-serif" font-weight="700" font-size="%d" fill="%s">%s</text></svg>`+"\n",
		html.EscapeString(b.CompanyName), tones.Fill, size, tones.Ink, html.EscapeString(b.Monogram()))
}
