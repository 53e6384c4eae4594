package bus

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// table is the consumers as pairs of event name and consumer, the form in which
// statements take it. Due times are not in it: their rows are their receipts.
type table struct {
	names, consumers []string
	kinds            []string // of due times that somebody handles
}

const (
	defaultTries    = 8
	defaultParallel = 4
	defaultTimeout  = time.Minute
)

func tableOf(consumers []Consumer) table {
	t := table{names: []string{}, consumers: []string{}, kinds: []string{}}
	for _, c := range consumers {
		for _, name := range c.Names {
			if kind, due := strings.CutSuffix(name, dueSuffix); due {
				t.kinds = append(t.kinds, kind)
				continue
			}
			t.names, t.consumers = append(t.names, name), append(t.consumers, c.Name)
		}
	}
	slices.Sort(t.kinds)
	t.kinds = slices.Compact(t.kinds)
	return t
}

// checked fills in what a consumer leaves open and refuses tables that cannot
// work.
func checked(consumers []Consumer) ([]Consumer, error) {
	word := regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)
	out, seen := slices.Clone(consumers), map[string]bool{}
	for i := range out {
		c := &out[i]
		switch {
		case !word.MatchString(c.Name):
			return nil, fmt.Errorf("%q is no name for a consumer: use letters, digits and dashes", c.Name)
		case c.Name == relayName:
			return nil, fmt.Errorf("no consumer may be named %s", c.Name)
		case seen[c.Name]:
			return nil, fmt.Errorf("there are two consumers named %s", c.Name)
		case c.Handle == nil:
			return nil, fmt.Errorf("consumer %s has no handler", c.Name)
		case len(c.Names) == 0:
			return nil, fmt.Errorf("consumer %s reacts to nothing", c.Name)
		}
		seen[c.Name] = true
		for _, name := range c.Names {
			if !legalName(name) {
				return nil, fmt.Errorf("consumer %s reacts to %q, which is no event name", c.Name, name)
			}
			if seen[c.Name+" "+name] {
				return nil, fmt.Errorf("consumer %s reacts to %s twice", c.Name, name)
			}
			seen[c.Name+" "+name] = true
		}
		c.Tries, c.Parallel = or(c.Tries, defaultTries), or(c.Parallel, defaultParallel)
		c.Timeout = or(c.Timeout, defaultTimeout)
	}
	return out, oneHandlerADue(out)
}

// oneHandlerADue holds because a due time ends with its one effect.
func oneHandlerADue(consumers []Consumer) error {
	by := map[string]string{}
	for _, c := range consumers {
		for _, name := range c.Names {
			if !strings.HasSuffix(name, dueSuffix) {
				continue
			}
			if other := by[name]; other != "" {
				return fmt.Errorf("%s and %s both handle %s, which ends with one effect", other, c.Name, name)
			}
			by[name] = c.Name
		}
	}
	return nil
}

func or[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}
