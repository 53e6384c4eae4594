// Package documents draws finalised invoices, credit notes and statements as files
// that are sent and kept: PDF in the shop's brand, CSV and JSON. It reads the stored
// figures and works nothing out.
package documents
