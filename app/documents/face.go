package documents

import (
	"bytes"
	"compress/zlib"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

//go:embed fonts/*.ttf
var fontFiles embed.FS

const family = "DejaVu"

// faces are the two cuts of the font. Nearly every document is written in the
// letters of Western Europe: for those a small cut, packed once, goes in as it is.
// For all others the whole font is read and cut to the letters of the document.
type faces struct {
	whole  map[string][]byte // by style: "" and "B"
	latin  map[string]packed
	broken error
}

// packed is a font ready to be put into a document: its description and its file.
type packed struct{ description, file []byte }

// openFaces reads the fonts and packs the small cut. It takes some milliseconds.
func openFaces() faces {
	f := faces{whole: map[string][]byte{}, latin: map[string]packed{}}
	for style, name := range map[string]string{"": "DejaVuSansCondensed", "B": "DejaVuSansCondensed-Bold"} {
		whole, err := fontFiles.ReadFile("fonts/" + name + ".ttf")
		if err == nil {
			f.whole[style] = whole
			f.latin[style], err = pack(name, whole)
		}
		if err != nil {
			f.broken = fmt.Errorf("the font %s: %w", name, err)
			return f
		}
	}
	return f
}

// latinRunes are the letters of Windows-1252 by their number; 0 where it has none.
func latinRunes() [256]rune {
	var all [256]rune
	for i := 32; i < 256; i++ {
		if r := charmap.Windows1252.DecodeByte(byte(i)); r != unicode.ReplacementChar && !unicode.IsControl(r) {
			all[i] = r
		}
	}
	return all
}

// pack cuts a font to the letters of Windows-1252 and describes it as PDF wants.
func pack(name string, whole []byte) (packed, error) {
	runes := latinRunes()
	ruler := fpdf.New("P", "mm", "A4", "")
	ruler.AddUTF8FontFromBytes(family, "", slices.Clone(whole))
	ruler.SetFont(family, "", 10)
	widths := make([]int, 256)
	for i, r := range runes {
		widths[i] = ruler.GetStringSymbolWidth(" ")
		if r != 0 {
			widths[i] = ruler.GetStringSymbolWidth(string(r))
		}
	}
	used := slices.DeleteFunc(slices.Clone(runes[:]), func(r rune) bool { return r == 0 })
	cut := fpdf.UTF8CutFont(slices.Clone(whole), string(used))
	var file bytes.Buffer
	z, err := zlib.NewWriterLevel(&file, zlib.BestCompression)
	if err == nil {
		_, err = z.Write(cut)
	}
	if err != nil {
		return packed{}, err
	}
	if err := z.Close(); err != nil {
		return packed{}, err
	}
	about := ruler.GetFontDesc(family, "")
	about.Flags = 32 // the letters have names that every reader knows
	description, err := json.Marshal(map[string]any{"Tp": "TrueType", "Name": name, "Desc": about, "Up": -63, "Ut": 44, "Cw": widths,
		"Enc": "cp1252", "File": name + ".z", "OriginalSize": len(cut)})
	return packed{description, file.Bytes()}, err
}

// put makes the font known to a document and says how text is handed to it.
func (f *faces) put(pdf *fpdf.Fpdf, latin bool) func(string) string {
	for _, style := range []string{"", "B"} {
		if latin {
			pdf.AddFontFromBytes(family, style, f.latin[style].description, f.latin[style].file)
			continue
		}
		// The cutter writes into what it is given.
		pdf.AddUTF8FontFromBytes(family, style, slices.Clone(f.whole[style]))
	}
	if !latin {
		return func(text string) string { return ordered(plain(text)) }
	}
	return func(text string) string {
		var out strings.Builder
		for _, r := range plain(text) {
			b, ok := charmap.Windows1252.EncodeRune(r)
			if !ok {
				b = '?' // isLatin was not asked about this text
			}
			out.WriteByte(b)
		}
		return out.String()
	}
}

// isLatin says that the small cut has every letter of the texts.
func isLatin(texts []string) bool {
	for _, text := range texts {
		for _, r := range plain(text) {
			if _, ok := charmap.Windows1252.EncodeRune(r); !ok {
				return false
			}
		}
	}
	return true
}

// plain is text as it can be drawn: letters with their accents in one, no control
// characters, and nothing beyond the first plane, which PDF fonts of this kind
// cannot name.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r == '\u202f' || r == '\u2009':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		case r > 0xFFFD:
			return unicode.ReplacementChar
		}
		return r
	}, norm.NFC.String(strings.ToValidUTF8(text, "\ufffd")))
}

// ordered is text in the order in which its letters stand on paper, where it has
// words that run from right to left.
func ordered(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x590 && r <= 0x8ff || r >= 0xfb1d && r <= 0xfefc }) {
		return text
	}
	var p bidi.Paragraph
	if _, err := p.SetString(text); err != nil {
		return text
	}
	order, err := p.Order()
	if err != nil {
		return text
	}
	var out strings.Builder
	for i := range order.NumRuns() {
		run := order.Run(i)
		if run.Direction() == bidi.RightToLeft {
			out.WriteString(bidi.ReverseString(run.String()))
			continue
		}
		out.WriteString(run.String())
	}
	return out.String()
}
