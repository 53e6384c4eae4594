package web

import (
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/ezscale/ezscale/app/accounts"
)

func TestOwnersTakeTheirDataAlong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.person(w.a, "ada@example.com", accounts.Customer)
	w.person(w.b, "far@example.com", accounts.Customer)
	boss := w.person(w.a, "boss@example.com", accounts.Owner)
	staff := w.person(w.a, "staff@example.com", accounts.Staff)
	owner := w.at(w.a).signIn("/reseller", boss.Email)
	owner.get("/reseller").want(200).find("a", "href", exportPath)
	owner.get(exportPath).want(200).says("Download the archive").find("form", "action", exportPath, "method", "post")
	got := owner.post(exportPath, nil).want(200)
	if kind := got.header.Get("Content-Type"); kind != "application/gzip" || !strings.HasPrefix(got.header.Get("Content-Disposition"), `attachment; filename="`+w.a.Slug) {
		t.Errorf("it comes as %s, %s", kind, got.header.Get("Content-Disposition"))
	}
	zipped, err := gzip.NewReader(strings.NewReader(got.body))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(zipped)
	if err != nil || !strings.Contains(string(all), "ada@example.com") || strings.Contains(string(all), "far@example.com") {
		t.Errorf("the archive is not the shop's own: %v", err)
	}
	owner.get("/reseller/audit").want(200).says("exported")

	w.at(w.a).signIn("/reseller", staff.Email).post(exportPath, nil).want(403)
	w.at(w.a).post(exportPath, nil).want(303)
	desk := w.central().signIn("/admin", w.operator().Email)
	desk.post("/admin/resellers/"+w.a.Slug+"/export", nil).want(200)
	desk.post("/admin/resellers/nobody/export", nil).want(404)
	owner.post("/admin/resellers/"+w.a.Slug+"/export", nil).want(404)
}
