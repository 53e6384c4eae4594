package documents

import (
	"bytes"
	"strconv"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"github.com/ezscale/ezscale/app/billing"
)

// head is the top of a document: whose it is at the left, which it is at the right.
func (s *sheet) head(b Brand, seller billing.Party, word, number, state string) {
	from := s.y
	s.mark(b)
	s.font("", 8.5, muted)
	if seller.Name == b.Company {
		seller.Name = ""
	}
	if seller.Company == b.Company {
		seller.Company = ""
	}
	for _, row := range seller.PostalLines() {
		s.text(left, 96, 4.2, row)
	}
	s.font("B", 20, ink)
	s.atRight(right, from+7, word)
	s.font("", 10, muted)
	s.atRight(right, from+13, number)
	if state != "" {
		s.font("B", 10, ink)
		s.atRight(right, from+18.5, state)
	}
	s.y = max(s.y, from+20) + 5
	s.pdf.SetDrawColor(s.colour[0], s.colour[1], s.colour[2])
	s.pdf.SetLineWidth(0.8)
	s.pdf.Line(left, s.y, right, s.y)
	s.y += 6
}

// mark is the shop's logo, or its name where it has none that can be drawn.
func (s *sheet) mark(b Brand) {
	file, wide, high, ok := drawable(b.Logo)
	if !ok {
		s.font("B", 15, ink)
		s.text(left, 96, 7, b.Company)
		return
	}
	// 14 mm high, or less for a logo that would be wider than 60.
	h := 14.0
	w := h * float64(wide) / float64(high)
	if w > 60 {
		w, h = 60, 60*float64(high)/float64(wide)
	}
	options := fpdf.ImageOptions{ImageType: "PNG"}
	s.pdf.RegisterImageOptionsReader("logo", options, bytes.NewReader(file))
	s.pdf.ImageOptions("logo", left, s.y, w, h, false, options, 0, "")
	s.y += h + 2
	s.font("B", 10, ink)
	s.text(left, 96, 5, b.Company)
}

// parties are whom the document is for, and its dates.
func (s *sheet) parties(to billing.Party, facts [][2]string) {
	from := s.y
	s.font("", 8, muted)
	s.text(left, 90, 4.4, "For")
	for n, row := range to.PostalLines() {
		if n == 0 {
			s.font("B", 9.5, ink)
		} else {
			s.font("", 9.5, ink)
		}
		s.text(left, 90, 4.6, row)
	}
	end := s.y
	s.y = from
	for _, fact := range facts {
		s.font("", 8.5, muted)
		s.at(120, s.y+4, fact[0])
		s.font("", 9.5, ink)
		for _, row := range s.lines(fact[1], right-140) {
			s.at(140, s.y+4, row)
			s.y += 5
		}
	}
	s.y = max(s.y, end) + 7
}

// period is the civil days that a document is about; to is the first moment after them.
func (b Brand) period(from, to time.Time) string {
	first, last := from.In(b.Zone), to.In(b.Zone).Add(-time.Second)
	switch {
	case last.Before(first), first.Format("2006-01-02") == last.Format("2006-01-02"):
		return first.Format("January 2, 2006")
	case first.Year() == last.Year() && first.Month() == last.Month():
		return first.Format("January 2") + " to " + last.Format("2, 2006")
	}
	return first.Format("January 2, 2006") + " to " + last.Format("January 2, 2006")
}

// length words a block: "15 minutes".
func length(seconds int) string {
	switch seconds {
	case 3600:
		return "1 hour"
	case 60:
		return "1 minute"
	}
	return strconv.Itoa(seconds/60) + " minutes"
}

// many counts in words: "1 block", "11 blocks".
func many(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.FormatInt(n, 10) + " " + what + "s"
}
