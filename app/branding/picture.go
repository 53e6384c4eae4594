package branding

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	_ "image/gif"  // people send these as logos, too
	_ "image/jpeg" // likewise
	"image/png"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // likewise

	"github.com/ezscale/ezscale/app/fail"
)

// The bounds of an upload: its bytes, its sides and its pixels. A file of a few
// bytes can claim a picture of gigabytes, so the claim is read before the picture.
const (
	MaxPicture    = 2 << 20
	maxSide       = 8000
	maxPixels     = 16 << 20
	logoWide      = 800
	logoHigh      = 240
	faviconSide   = 256
	smallestSide  = 8
	hashInAddress = 8 // bytes
)

// Picture is an upload as the product keeps it: a plain PNG of its own making, so
// that nothing of what came in (scripts, comments, places) goes out again.
type Picture struct {
	PNG        []byte
	Hash       string // names the picture's content
	Wide, High int    // pixels
}

// Logo reads a shop's logo and makes it at most 800 × 240 pixels.
func Logo(raw []byte) (Picture, error) {
	img, err := decode(raw)
	if err != nil {
		return Picture{}, err
	}
	b := img.Bounds()
	wide, high := within(b.Dx(), b.Dy(), logoWide, logoHigh)
	out := image.NewNRGBA(image.Rect(0, 0, wide, high))
	draw.CatmullRom.Scale(out, out.Bounds(), img, b, draw.Src, nil)
	return encode(out)
}

// Favicon reads the small mark of a browser's tab and centres it in a square of at
// most 256 pixels.
func Favicon(raw []byte) (Picture, error) {
	img, err := decode(raw)
	if err != nil {
		return Picture{}, err
	}
	b := img.Bounds()
	wide, high := within(b.Dx(), b.Dy(), faviconSide, faviconSide)
	side := max(wide, high)
	out := image.NewNRGBA(image.Rect(0, 0, side, side))
	at := image.Rect(0, 0, wide, high).Add(image.Pt((side-wide)/2, (side-high)/2))
	draw.CatmullRom.Scale(out, at, img, b, draw.Src, nil)
	return encode(out)
}

// within gives the sides of a picture that fits the bounds and keeps its shape.
func within(wide, high, mostWide, mostHigh int) (int, int) {
	if wide > mostWide {
		wide, high = mostWide, high*mostWide/wide
	}
	if high > mostHigh {
		wide, high = wide*mostHigh/high, mostHigh
	}
	return max(wide, 1), max(high, 1)
}

func encode(img image.Image) (Picture, error) {
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return Picture{}, err
	}
	sum := sha256.Sum256(out.Bytes())
	b := img.Bounds()
	return Picture{PNG: out.Bytes(), Hash: hex.EncodeToString(sum[:hashInAddress]), Wide: b.Dx(), High: b.Dy()}, nil
}

// decode reads a picture by what its bytes are, whatever its name says.
func decode(raw []byte) (image.Image, error) {
	switch {
	case len(raw) == 0:
		return nil, fail.New(fail.Invalid, "The file is empty. Choose another.")
	case len(raw) > MaxPicture:
		return nil, fail.New(fail.Invalid, "The file is larger than 2 MB. Save it smaller and choose it again.")
	case looksLikeSVG(raw):
		return nil, fail.New(fail.Invalid, "SVG files can carry programs, so they are not taken. Save the picture as PNG, 800 pixels wide or less.")
	}
	about, _, err := image.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		return nil, fail.New(fail.Invalid, "This is not a picture that can be read. Choose a PNG, JPEG, GIF or WebP file.")
	}
	if about.Width < smallestSide || about.Height < smallestSide {
		return nil, fail.New(fail.Invalid, "The picture is only %d × %d pixels. Choose a larger one.", about.Width, about.Height)
	}
	if about.Width > maxSide || about.Height > maxSide || about.Width*about.Height > maxPixels {
		return nil, fail.New(fail.Invalid, "The picture has %d × %d pixels, which is too many. Save it with 4000 × 4000 or less.", about.Width, about.Height)
	}
	img, _, err := image.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, fail.New(fail.Invalid, "The picture is damaged. Save it again as PNG and choose that.")
	}
	return img, nil
}

// looksLikeSVG finds the markup of a drawing at the beginning of a text file.
func looksLikeSVG(raw []byte) bool {
	head := bytes.ToLower(raw[:min(len(raw), 4096)])
	head = bytes.ReplaceAll(head, []byte{0}, nil) // UTF-16 has a zero in every letter
	return bytes.Contains(head, []byte("<svg")) || bytes.Contains(head, []byte("<?xml")) || bytes.Contains(head, []byte("<!doctype"))
}
