package documents

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

// Measures of a page in millimetres.
const (
	left, right, width = 18.0, 192.0, 174.0
	top, bottom        = 18.0, 276.0
	footLine           = 286.0
)

// shade is a grey of the page, from 0 (black) to 255.
type shade int

const (
	ink   shade = 24
	muted shade = 96
	line  shade = 214
)

// sheet is a document being drawn. y is the top of what comes next.
type sheet struct {
	pdf    *fpdf.Fpdf
	letter func(string) string
	y      float64
	colour [3]int
	again  func() // draws the head of a table anew on a new page
}

// about is what a file says of itself.
type about struct {
	title, author, subject, foot string
	at                           time.Time // when the document was made; the file says nothing else of time
}

// open begins a document. texts are all that will stand in it that somebody typed.
func (p *Press) open(a about, colour string, texts ...string) (*sheet, error) {
	p.once.Do(func() { p.faces = openFaces() })
	if p.faces.broken != nil {
		return nil, p.faces.broken
	}
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(a.at.UTC())
	pdf.SetModificationDate(a.at.UTC())
	pdf.SetMargins(left, top, left)
	pdf.SetAutoPageBreak(false, 0)
	pdf.SetTitle(a.title, true)
	pdf.SetAuthor(a.author, true)
	pdf.SetSubject(a.subject, true)
	pdf.SetCreator("EZSCALE", true)
	pdf.SetProducer("EZSCALE", true)
	pdf.SetLang("en")
	pdf.SetDisplayMode("fullwidth", "continuous")
	s := &sheet{pdf: pdf, colour: rgb(colour)}
	s.letter = p.faces.put(pdf, isLatin(append(texts, a.title, a.author, a.foot)))
	pdf.AliasNbPages("{pages}")
	pdf.SetFooterFunc(func() {
		s.rule(footLine-4.5, line)
		s.font("", 7.5, muted)
		s.at(left, footLine, a.foot)
		s.atRight(right, footLine, "Page "+strconv.Itoa(pdf.PageNo())+" of {pages}")
	})
	s.page()
	return s, nil
}

// close gives the file's bytes.
func (s *sheet) close() ([]byte, error) {
	var out bytes.Buffer
	if err := s.pdf.Output(&out); err != nil {
		return nil, fmt.Errorf("draw the document: %w", err)
	}
	return out.Bytes(), nil
}

func (s *sheet) page() {
	s.pdf.AddPage()
	s.pdf.SetFillColor(s.colour[0], s.colour[1], s.colour[2])
	s.pdf.Rect(0, 0, 210, 4, "F")
	s.y = top
}

// room begins a new page when less than high is left on this one.
func (s *sheet) room(high float64) {
	if s.y+high <= bottom {
		return
	}
	s.page()
	if s.again != nil {
		s.again()
	}
}

func (s *sheet) font(style string, size float64, tone shade) {
	s.pdf.SetFont(family, style, size)
	s.pdf.SetTextColor(int(tone), int(tone), int(tone))
}

func (s *sheet) at(x, y float64, text string) { s.pdf.Text(x, y, s.letter(text)) }

func (s *sheet) atRight(x, y float64, text string) {
	drawn := s.letter(text)
	s.pdf.Text(x-s.pdf.GetStringWidth(drawn), y, drawn)
}

func (s *sheet) rule(y float64, tone shade) {
	s.pdf.SetDrawColor(int(tone), int(tone), int(tone))
	s.pdf.SetLineWidth(0.2)
	s.pdf.Line(left, y, right, y)
}

func (s *sheet) ground(y, high float64) {
	s.pdf.SetFillColor(245, 246, 248)
	s.pdf.Rect(left, y, width, high, "F")
}

// lines breaks a text into lines at most wide millimetres long; a word that is
// longer than a line is broken wherever it must be.
func (s *sheet) lines(text string, wide float64) []string {
	var out []string
	for _, part := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		row := ""
		for _, word := range strings.Fields(part) {
			for _, piece := range s.pieces(word, wide) {
				joined := strings.TrimSpace(row + " " + piece)
				if row != "" && s.wide(joined) > wide {
					out, joined = append(out, row), piece
				}
				row = joined
			}
		}
		if row != "" {
			out = append(out, row)
		}
	}
	return out
}

func (s *sheet) wide(text string) float64 { return s.pdf.GetStringWidth(s.letter(text)) }

func (s *sheet) pieces(word string, wide float64) []string {
	if s.wide(word) <= wide {
		return []string{word}
	}
	var out []string
	piece := ""
	for _, r := range word {
		if piece != "" && s.wide(piece+string(r)) > wide {
			out, piece = append(out, piece), ""
		}
		piece += string(r)
	}
	return append(out, piece)
}

// text writes a paragraph at x and moves on; leading is the height of a line.
func (s *sheet) text(x, wide, leading float64, text string) {
	for _, row := range s.lines(text, wide) {
		s.room(leading)
		s.y += leading
		s.at(x, s.y-leading*0.25, row)
	}
}

// rgb reads "#rrggbb"; anything else is the product's own blue.
func rgb(colour string) [3]int {
	n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil || len(colour) != 7 {
		return [3]int{0x3b, 0x82, 0xf6}
	}
	return [3]int{int(n >> 16), int(n >> 8 & 0xff), int(n & 0xff)}
}
