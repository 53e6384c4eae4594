package documents

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/draw"
	_ "image/jpeg" // logos come as JPEG, too
	"image/png"
	"strings"
)

// maxLogo bounds a logo: its file in bytes, and each of its sides in pixels.
const (
	maxLogoBytes = 1 << 20
	maxLogoSide  = 2000
)

// LogoOf reads a logo that is written as a data: address, which is how a shop
// keeps a small picture with its colours. Any other address gives none: a
// document is drawn without asking anybody.
func LogoOf(address string) []byte {
	kind, data, found := strings.Cut(address, ";base64,")
	if !found || (kind != "data:image/png" && kind != "data:image/jpeg") || len(data) > 2*maxLogoBytes {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil
	}
	return raw
}

// drawable is a logo as the drawing library reads every one: plain PNG on white.
// ok is false for a file that is no picture or too large; the company's name
// stands in its place then.
func drawable(raw []byte) (file []byte, wide, high int, ok bool) {
	if len(raw) == 0 || len(raw) > maxLogoBytes {
		return nil, 0, 0, false
	}
	about, _, err := image.DecodeConfig(bytes.NewReader(raw))
	if err != nil || about.Width < 1 || about.Height < 1 || about.Width > maxLogoSide || about.Height > maxLogoSide {
		return nil, 0, 0, false
	}
	picture, _, err := image.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, 0, 0, false
	}
	flat := image.NewRGBA(image.Rect(0, 0, about.Width, about.Height))
	draw.Draw(flat, flat.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(flat, flat.Bounds(), picture, picture.Bounds().Min, draw.Over)
	var out bytes.Buffer
	if err := png.Encode(&out, flat); err != nil {
		return nil, 0, 0, false
	}
	return out.Bytes(), about.Width, about.Height, true
}
