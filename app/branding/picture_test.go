package branding

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
)

func drawn(wide, high int) image.Image {
	img := image.NewPaletted(image.Rect(0, 0, wide, high), color.Palette{color.RGBA{0x0f, 0x76, 0x6e, 0xff}, color.Transparent})
	for x := range wide {
		img.SetColorIndex(x, x%high, 1)
	}
	return img
}

func pngOf(t testing.TB, wide, high int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, drawn(wide, high)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestPicturesAreMadeAgain(t *testing.T) {
	t.Parallel()
	var asJPEG, asGIF bytes.Buffer
	if err := jpeg.Encode(&asJPEG, drawn(1600, 240), nil); err != nil {
		t.Fatal(err)
	}
	if err := gif.Encode(&asGIF, drawn(64, 32), nil); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name       string
		raw        []byte
		make       func([]byte) (Picture, error)
		wide, high int
	}{
		{"a small logo stays as large", pngOf(t, 120, 40), Logo, 120, 40},
		{"a wide logo shrinks", asJPEG.Bytes(), Logo, 800, 120},
		{"a high logo shrinks", pngOf(t, 100, 1000), Logo, 24, 240},
		{"a GIF", asGIF.Bytes(), Logo, 64, 32},
		{"a favicon becomes square", asGIF.Bytes(), Favicon, 64, 64},
		{"a large favicon shrinks", pngOf(t, 1000, 500), Favicon, 256, 256},
	} {
		got, err := tt.make(append(tt.raw, "<script>MARK</script>"...))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		about, kind, err := image.DecodeConfig(bytes.NewReader(got.PNG))
		if err != nil || kind != "png" || about.Width != tt.wide || about.Height != tt.high || got.Wide != tt.wide || got.High != tt.high {
			t.Errorf("%s: got %s of %d × %d, %v", tt.name, kind, about.Width, about.Height, err)
		}
		if bytes.Contains(got.PNG, []byte("MARK")) || len(got.Hash) != 16 {
			t.Errorf("%s: what hung at the file came through, or the hash is %q", tt.name, got.Hash)
		}
		if again, err := tt.make(tt.raw); err != nil || again.Hash != got.Hash {
			t.Errorf("%s: the same picture has two names", tt.name)
		}
	}
}

// claims is a PNG whose head promises a picture of that size, and nothing more.
func claims(wide, high uint32) []byte {
	head := []byte("IHDR\x00\x00\x00\x00\x00\x00\x00\x00\x08\x06\x00\x00\x00")
	binary.BigEndian.PutUint32(head[4:], wide)
	binary.BigEndian.PutUint32(head[8:], high)
	out := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d")
	out = append(out, head...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(head))
}

func TestUploadsThatAreNoPictures(t *testing.T) {
	t.Parallel()
	svg := `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`
	utf16 := []byte{0xff, 0xfe}
	for _, r := range svg {
		utf16 = append(utf16, byte(r), 0)
	}
	for name, tt := range map[string]struct {
		raw  []byte
		says string
	}{
		"nothing":         {nil, "empty"},
		"too many bytes":  {make([]byte, MaxPicture+1), "larger than 2 MB"},
		"SVG":             {[]byte(svg), "SVG"},
		"SVG with a head": {[]byte("\ufeff<?xml version=\"1.0\"?>\n<!-- x -->" + svg), "SVG"},
		"SVG in UTF-16":   {utf16, "SVG"},
		"a web page":      {[]byte("<!DOCTYPE html><script>alert(1)</script>"), "SVG"},
		"a text":          {[]byte("hello"), "not a picture"},
		"a program":       {[]byte("\x7fELF\x02\x01\x01"), "not a picture"},
		"an icon file":    {[]byte("\x00\x00\x01\x00\x01\x00"), "not a picture"},
		"half a picture":  {pngOf(t, 100, 100)[:100], "damaged"},
		"a huge claim":    {claims(60000, 60000), "too many"},
		"a long claim":    {claims(1<<31-1, 8), "too many"},
		"a large claim":   {claims(7000, 7000), "too many"},
		"one pixel":       {pngOf(t, 1, 1), "only 1 × 1"},
	} {
		for _, make := range []func([]byte) (Picture, error){Logo, Favicon} {
			if _, err := make(tt.raw); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: got %v, want %q", name, err, tt.says)
			}
		}
	}
}

func FuzzPicture(f *testing.F) {
	f.Add(pngOf(f, 20, 10))
	f.Add(claims(60000, 60000))
	f.Add([]byte("<svg/>"))
	f.Add([]byte("GIF89a\x08\x00\x08\x00\x80\x00\x00"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8 "))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, read := range []func([]byte) (Picture, error){Logo, Favicon} {
			got, err := read(raw)
			if err != nil {
				continue
			}
			about, err := png.DecodeConfig(bytes.NewReader(got.PNG))
			if err != nil || about.Width > logoWide || about.Height > faviconSide || about.Width < 1 || about.Height < 1 {
				t.Fatalf("came out as %d × %d, %v", about.Width, about.Height, err)
			}
		}
	})
}
