// Package archive fills a tenant's desk with tickets as years of work leave them: in all statuses, categories and priorities,
// of many requesters and some agents, with tags, comments, history and words that come as often as words do. The same size gives
// the same tickets but for their IDs and times. It is for measuring, and goes through the desk's own import.
package archive
