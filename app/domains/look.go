package domains

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ezscale/ezscale/app/names"
	"github.com/ezscale/ezscale/tenants"
)

const (
	lookWithin = 12 * time.Second // a whole look at a name
	maxHops    = 8                // CNAMEs that are followed, as resolvers do
)

// finding is what one look at a name found.
type finding struct {
	known bool   // the name servers answered
	proof string // how the owner is proven; empty: not at all
	steps []Step
}

// problem is the first sentence that is about something to mend; what still waits
// counts as that while the name is not proven.
func (f finding) problem() string {
	for _, s := range f.steps {
		if s.State == Bad || s.State == Waiting && f.proof == "" {
			return s.Sentence
		}
	}
	return ""
}

// records are what the name servers say about a name.
type records struct {
	chain []string // of CNAMEs, the first one that of the name itself
	texts []string
	addrs []netip.Addr
	caa   []names.CAA
	edge  []netip.Addr // where our edge is; empty when nobody knows
}

// look asks the name servers about a name, and our own edge by it. It changes nothing.
func (s *Service) look(ctx context.Context, t tenants.Tenant, d Domain) finding {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	r, err := s.read(ctx, t, d)
	if err != nil {
		return unanswered(d, err)
	}
	f := finding{known: true, proof: s.proofOf(r, t, d)}
	owner, address := s.ownerStep(f.proof, r, t, d), s.addressStep(r, t, d)
	f.steps = []Step{owner, address, s.caaStep(ctx, r)}
	f.steps = append(f.steps, s.reachSteps(ctx, d, r, f.proof != "" || d.VerifiedAt != nil)...)
	return f
}

// unanswered keeps the steps that were found before, but for the first.
func unanswered(d Domain, err error) finding {
	sentence := "The name servers did not answer about " + d.Domain.Domain + ". We ask again by ourselves."
	if !errors.Is(err, names.ErrNoAnswer) {
		sentence = "It could not be looked up at the moment. We ask again by ourselves."
	}
	steps := []Step{step(StepOwner, Waiting, sentence)}
	if len(d.Steps) > 1 {
		steps = append(steps, d.Steps[1:]...)
	}
	return finding{steps: steps}
}

// read asks the first question alone: servers that do not answer it are not asked
// the others.
func (s *Service) read(ctx context.Context, t tenants.Tenant, d Domain) (r records, err error) {
	name := d.Domain.Domain
	if r.chain, err = s.chain(ctx, name); err != nil {
		return r, err
	}
	var group errgroup.Group
	group.Go(func() (err error) { r.texts, err = s.Names.TXT(ctx, d.TXTName()); return err })
	group.Go(func() (err error) { r.addrs, err = s.Names.Addrs(ctx, name); return err })
	group.Go(func() (err error) { r.caa, err = s.Names.CAA(ctx, name); return err })
	group.Go(func() error {
		r.edge = s.EdgeIPs
		if len(r.edge) == 0 {
			r.edge, _ = s.Names.Addrs(ctx, s.Target(t)) // unknown where our own servers fail
		}
		return nil
	})
	return r, group.Wait()
}

// chain follows the CNAMEs of a name.
func (s *Service) chain(ctx context.Context, name string) (chain []string, err error) {
	for at := name; len(chain) < maxHops; {
		next, err := s.Names.CNAME(ctx, at)
		if err != nil && len(chain) == 0 {
			return nil, err
		}
		if err != nil || next == "" || slices.Contains(chain, next) {
			break
		}
		chain, at = append(chain, next), next
	}
	return chain, nil
}

// proofOf says what proves that a name is the shop's. A CNAME leads to us by itself;
// with a token beside it the name has to lead to us, too.
func (s *Service) proofOf(r records, t tenants.Tenant, d Domain) string {
	switch {
	case slices.Contains(r.chain, s.Target(t)):
		return tenants.ProofCNAME
	case hasToken(r.texts, d.Token) && (len(r.edge) == 0 || len(ours(r)) > 0 && len(strangers(r)) == 0):
		return tenants.ProofTXT
	}
	return ""
}

func hasToken(texts []string, token string) bool {
	return token != "" && slices.ContainsFunc(texts, func(text string) bool { return strings.Trim(strings.TrimSpace(text), `"`) == token })
}

func ours(r records) (list []netip.Addr) {
	for _, a := range r.addrs {
		if slices.Contains(r.edge, a) {
			list = append(list, a)
		}
	}
	return list
}

func strangers(r records) (list []netip.Addr) {
	for _, a := range r.addrs {
		if !slices.Contains(r.edge, a) {
			list = append(list, a)
		}
	}
	return list
}

func (s *Service) ownerStep(proof string, r records, t tenants.Tenant, d Domain) Step {
	name, target := d.Domain.Domain, s.Target(t)
	switch {
	case proof == tenants.ProofCNAME:
		return step(StepOwner, Good, name+" is a CNAME for "+target+".")
	case hasToken(r.texts, d.Token):
		return step(StepOwner, Good, "The TXT record at "+d.TXTName()+" carries your token.")
	case d.Proof != nil && *d.Proof == tenants.ProofOperator && d.VerifiedAt != nil:
		return step(StepOwner, Good, "It was taken over for you, without a record.")
	case len(r.chain) > 0:
		return step(StepOwner, Bad, name+" is a CNAME for "+plainText(r.chain[0])+", but has to be one for "+target+".")
	case len(r.texts) > 0:
		return step(StepOwner, Bad, "The TXT record at "+d.TXTName()+" says something else than your token.")
	case len(r.addrs) > 0:
		return step(StepOwner, Waiting, name+" has an address, but there is no TXT record at "+d.TXTName()+" yet.")
	}
	return step(StepOwner, Waiting, "There is no CNAME record for "+name+" yet, and no TXT record at "+d.TXTName()+".")
}

func (s *Service) addressStep(r records, t tenants.Tenant, d Domain) Step {
	name, foreign := d.Domain.Domain, strangers(r)
	led := slices.Contains(r.chain, s.Target(t))
	switch {
	case len(r.edge) == 0 && led:
		return step(StepAddress, Waiting, s.Target(t)+" has no address at the moment, which your provider has to mend.")
	case len(r.edge) == 0 && len(r.addrs) > 0:
		return step(StepAddress, Waiting, "Where our edge is could not be found out at the moment. We look again by ourselves.")
	case len(r.addrs) == 0:
		return step(StepAddress, Waiting, name+" leads nowhere yet.")
	case len(foreign) == 0:
		return step(StepAddress, Good, name+" leads to our edge at "+listed(r.addrs)+".")
	case len(ours(r)) == 0:
		return step(StepAddress, Bad, name+" leads to "+listed(foreign)+", but has to lead to "+listed(r.edge)+".")
	}
	return step(StepAddress, Bad, name+" leads to our edge, but also to "+listed(foreign)+". Remove that record.")
}

func (s *Service) caaStep(ctx context.Context, r records) Step {
	if len(r.caa) == 0 {
		return step(StepCAA, Good, "No CAA record stands in the way.")
	}
	if problem := judgeCAA(r.caa, s.Authority.Names(ctx)); problem != "" {
		return step(StepCAA, Bad, problem)
	}
	return step(StepCAA, Good, "The CAA record allows our certificate authority.")
}

func listed(addrs []netip.Addr) string {
	texts := make([]string, 0, len(addrs))
	for _, a := range addrs {
		texts = append(texts, a.String())
	}
	if len(texts) > 4 {
		texts = append(texts[:4], "others")
	}
	return strings.Join(texts, ", ")
}
