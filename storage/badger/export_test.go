package badger

// Gaps is how many stretches of deleted rows are remembered.
func (e *Engine) Gaps() int {
	e.gaps.mu.Lock()
	defer e.gaps.mu.Unlock()
	return len(e.gaps.all)
}
