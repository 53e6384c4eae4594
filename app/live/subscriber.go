package live

import (
	"sync"
	"time"
)

// subscriber is one open page. Names wait in a set, so that a burst of events
// becomes one name and a page that does not read costs a bounded amount.
type subscriber struct {
	names chan string
	woken chan struct{}
	ended chan struct{}
	once  sync.Once

	mu    sync.Mutex
	order []string
	known map[string]bool
}

func newSubscriber() *subscriber {
	return &subscriber{
		names: make(chan string, 16), woken: make(chan struct{}, 1), ended: make(chan struct{}),
		known: map[string]bool{},
	}
}

func (s *subscriber) stop() { s.once.Do(func() { close(s.ended) }) }

func (s *subscriber) add(names []string) {
	s.mu.Lock()
	for _, name := range names {
		if !s.known[name] && len(s.order) < waiting {
			s.known[name] = true
			s.order = append(s.order, name)
		}
	}
	s.mu.Unlock()
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

func (s *subscriber) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := s.order
	s.order = nil
	clear(s.known)
	return names
}

// pump says each name once, then waits a moment for more of the same.
func (s *subscriber) pump() {
	defer close(s.names)
	for {
		select {
		case <-s.ended:
			return
		case <-s.woken:
		}
		for _, name := range s.take() {
			select {
			case <-s.ended:
				return
			case s.names <- name:
			}
		}
		rest := time.NewTimer(coalesce)
		select {
		case <-s.ended:
			rest.Stop()
			return
		case <-rest.C:
		}
	}
}
