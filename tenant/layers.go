package tenant

import "maps"

// layers is an immutable map that is cheap to change: a small top layer of changes over a large base, which is copied only
// when the top has grown. A zero value means that the key is not there.
type layers[V comparable] struct{ base, top map[string]V }

func (l *layers[V]) get(key string) V {
	if len(l.top) > 0 {
		if v, ok := l.top[key]; ok {
			return v
		}
	}
	return l.base[key]
}

// getBytes is get for a key that is not worth a string.
func (l *layers[V]) getBytes(key []byte) V {
	if len(l.top) > 0 {
		if v, ok := l.top[string(key)]; ok {
			return v
		}
	}
	return l.base[string(key)]
}

// all yields everything that is there.
func (l *layers[V]) all(yield func(string, V) bool) {
	var none V
	for key, v := range l.top {
		if v != none && !yield(key, v) {
			return
		}
	}
	for key, v := range l.base {
		if _, covered := l.top[key]; !covered && !yield(key, v) {
			return
		}
	}
}

// change collects changes to layers, which stay as they are.
type change[V comparable] struct {
	from *layers[V]
	top  map[string]V
}

func edit[V comparable](l *layers[V]) *change[V] { return &change[V]{from: l} }

func (c *change[V]) get(key string) V {
	if v, ok := c.top[key]; ok {
		return v
	}
	return c.from.get(key)
}

func (c *change[V]) delete(key string) {
	var none V
	c.put(key, none)
}

func (c *change[V]) put(key string, v V) {
	if c.top == nil {
		if c.top = maps.Clone(c.from.top); c.top == nil {
			c.top = map[string]V{}
		}
	}
	c.top[key] = v
}

// done is the changed map. A top of more than some 2·√n keys is merged into a new base: then a change costs about √n copied
// keys on average, whether it merges or not.
func (c *change[V]) done() *layers[V] {
	if c.top == nil {
		return c.from
	}
	const least = 32
	if n := len(c.top); n < least || n*n < 4*len(c.from.base) {
		return &layers[V]{base: c.from.base, top: c.top}
	}
	var none V
	base := make(map[string]V, len(c.from.base)+len(c.top))
	maps.Copy(base, c.from.base)
	for key, v := range c.top {
		if v == none {
			delete(base, key)
		} else {
			base[key] = v
		}
	}
	return &layers[V]{base: base}
}
