package web

import (
	"testing"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/tenants"
)

func TestAnOperatorForcesAStuckDesktopToItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withBus(t))
	d := desksIn(w, w.a)
	ada := w.person(w.a, "ada@example.com", accounts.Customer)
	d.credit(ada, "20")
	desk := d.order(ada, "developer_basic")
	d.exec(`update kasm_workspaces set observed_state = 'starting', changed_at = '2020-01-01' where id = $1`, desk.ID)

	o := w.operator()
	admin := w.central().signIn("/admin", o.Email)
	path := "/admin/workspaces/" + w.a.Slug + "/" + desk.ID.String() + "/force"
	admin.get("/admin").want(200).says("A desktop is stuck").find("form", "action", path, "method", "post")
	w.central().post(path, nil).goesTo("/admin/sign-in")
	admin.post("/admin/workspaces/nobody/"+desk.ID.String()+"/force", nil).want(404)
	admin.post("/admin/workspaces/"+w.a.Slug+"/"+uuid.NewString()+"/force", nil).want(404)
	admin.post("/admin/workspaces/"+w.b.Slug+"/"+desk.ID.String()+"/force", nil).want(404)
	admin.post(path, nil).goesTo("/admin")
	admin.get("/admin").want(200).says("off its workspace").hides("A desktop is stuck")

	var by []string
	if err := w.deps.DB.CentralRead(t.Context(), tenants.ListQ(&by, `-- test
select actor from central.audit_log where action = 'workspace.forced' and subject = $1 and tenant_id = $2`, desk.ID.String(), w.a.ID)); err != nil || len(by) != 1 || by[0] != o.Email {
		t.Errorf("the audit log names %v: %v", by, err)
	}
}
