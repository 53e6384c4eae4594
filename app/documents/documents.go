// Package documents draws finalised invoices, credit notes and statements as files
// that are sent and kept: PDF in the shop's brand, CSV and JSON. It reads the stored
// figures and works nothing out.
package documents

import (
	"sync"
	"time"
)

// Press draws documents. Its zero value is ready; the fonts are read once, when
// the first document is drawn. It may be used by many at a time.
type Press struct {
	once  sync.Once
	faces faces
}

// Brand is whose document it is, as the shop looks today.
type Brand struct {
	Company string
	Email   string
	Phone   string
	Colour  string // #rrggbb
	Logo    []byte // a PNG or JPEG; nothing, or anything else, is no logo
	Page    string // the address of the document's page; empty for none
	Zone    *time.Location
}

func (b Brand) date(t time.Time) string { return t.In(b.Zone).Format("January 2, 2006") }
