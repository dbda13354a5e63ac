// Optional. Without it nothing is missing: the page is complete.
(function () {
  var d = document
  function all(query, root) { return [].slice.call((root || d).querySelectorAll(query)) }
  // browsers that print closed details closed
  addEventListener('beforeprint', function () {
    all('details').forEach(function (x) { x.dataset.o = x.open ? '1' : ''; x.open = true })
  })
  addEventListener('afterprint', function () { all('details').forEach(function (x) { x.open = !!x.dataset.o }) })
  // tables that narrow screens show as blocks stay tables for who listens
  var roles = { '.ct,.pl': 'table', thead: 'rowgroup', tbody: 'rowgroup', tr: 'row', td: 'cell', 'thead th': 'columnheader', 'tbody th': 'rowheader' }
  Object.keys(roles).forEach(function (query) {
    all(query[0] === '.' ? query : ':is(.ct,.pl) :is(' + query + ')').forEach(function (x) { x.setAttribute('role', roles[query]) })
  })
  // sort the register by a click on a heading
  var register = d.getElementById('register')
  function key(row, column) { var cell = row.children[column]; return cell.dataset.k || cell.textContent.trim() }
  if (register) {
    var rows = all('tbody tr', register)
    all('thead th', register).forEach(function (head, column) {
      var button = d.createElement('button')
      button.type = 'button'; button.textContent = head.textContent; head.textContent = ''; head.appendChild(button)
      button.onclick = function () {
        var up = head.getAttribute('aria-sort') !== 'ascending'
        all('thead th', register).forEach(function (x) { x.removeAttribute('aria-sort') })
        head.setAttribute('aria-sort', up ? 'ascending' : 'descending')
        rows.sort(function (a, b) { return (up ? 1 : -1) * key(a, column).localeCompare(key(b, column), undefined, { numeric: true }) })
        rows.forEach(function (row) { row.parentNode.appendChild(row) })
      }
    })
    // show the findings of one verdict
    var bar = d.createElement('div'), kinds = {}
    bar.className = 'tools js'; bar.setAttribute('role', 'group'); bar.setAttribute('aria-label', register.caption.textContent)
    rows.forEach(function (row) { (kinds[row.dataset.w] = kinds[row.dataset.w] || []).push(row) })
    Object.keys(kinds).forEach(function (word) {
      var button = d.createElement('button')
      button.type = 'button'; button.textContent = word + ' (' + kinds[word].length + ')'; button.setAttribute('aria-pressed', 'false')
      button.onclick = function () {
        var on = button.getAttribute('aria-pressed') !== 'true'
        all('button', bar).forEach(function (x) { x.setAttribute('aria-pressed', String(on && x === button)) })
        rows.forEach(function (row) { row.hidden = on && row.dataset.w !== word })
      }
      bar.appendChild(button)
    })
    if (Object.keys(kinds).length > 1) register.parentNode.before(bar)
  }
  // mark the section that is being read
  var links = all('nav.toc a')
  if (window.IntersectionObserver) {
    var seen = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (entry.isIntersecting) links.forEach(function (a) {
          if (a.hash === '#' + entry.target.id) a.setAttribute('aria-current', 'true'); else a.removeAttribute('aria-current')
        })
      })
    }, { rootMargin: '-10% 0px -80% 0px' })
    all('section.s').forEach(function (section) { seen.observe(section) })
  }
})()
