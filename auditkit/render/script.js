// Optional. Without it nothing is missing: the page is complete.
(function () {
  var d = document, told = d.currentScript.dataset
  function all(query, root) { return [].slice.call((root || d).querySelectorAll(query)) }
  function set(x, facts) { Object.keys(facts).forEach(function (k) { x.setAttribute(k, facts[k]) }) }
  function make(tag, facts, text) {
    var x = d.createElement(tag)
    set(x, facts)
    x.textContent = text || ''
    return x
  }
  function press(text, act) {
    var button = make('button', { type: 'button' }, text)
    button.addEventListener('click', act)
    return button
  }
  function words(x) { return x.textContent.replace(/\s+/g, ' ').trim() }

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

  // open and close all details
  var first = d.querySelector('section.s'), bar = make('div', { 'class': 'tools js' })
  ;[[told.open, true], [told.close, false]].forEach(function (one) {
    bar.append(press(one[0], function () { all('details').forEach(function (x) { x.open = one[1] }) }))
  })
  if (first && all('details').length) first.before(bar)

  // links to sections, figures and findings; what they lead to is opened
  all('h2[id$="-h"],h3[id],#register tbody tr[id]').forEach(function (x) {
    var id = x.tagName === 'H2' ? x.id.slice(0, -2) : x.id, place = x.tagName === 'TR' ? x.firstElementChild : x
    place.append(' ', make('a', { 'class': 'an js', href: '#' + id, title: told.link }, '#'))
  })
  function reveal() {
    var x = location.hash && d.getElementById(decodeURIComponent(location.hash.slice(1)))
    for (var up = x; up; up = up.parentElement) if (up.tagName === 'DETAILS') up.open = true
    if (x) { x.hidden = false; x.scrollIntoView() }
  }
  addEventListener('hashchange', reveal)
  if (location.hash) reveal()

  // numbers as they are printed: signs, separators, powers of ten and prefixes of units
  var raised = '⁰¹²³⁴⁵⁶⁷⁸⁹', sizes = { p: 1e-12, n: 1e-9, 'µ': 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, min: 60, h: 3600 }
  function amount(text) {
    var found = /^([+−]?)(\d[\d,]*(?:\.\d+)?)(?:\s*×\s*10([⁻⁰-⁹¹²³]+))?\s*(?:(min|h)\b|([pnµmkMGT])(?:s|J|Wh?|B|g|FLOP)\b)?/.exec(text)
    if (!found) return NaN
    var power = (found[3] || '').replace(/./g, function (c) { return c === '⁻' ? '-' : raised.indexOf(c) })
    return (found[1] === '−' ? -1 : 1) * found[2].replace(/,/g, '') * Math.pow(10, +power) * (sizes[found[4] || found[5]] || 1)
  }
  function order(a, b) {
    var x = amount(a), y = amount(b)
    if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1
    return isNaN(x) ? a.localeCompare(b, d.documentElement.lang, { numeric: true }) : x - y
  }
  // sort by a click on a heading, and show only rows that hold some words
  function sortable(table, rows) {
    var heads = all('thead th', table)
    heads.forEach(function (head, column) {
      function key(row) { var cell = row.children[column]; return cell.dataset.k || words(cell) }
      var button = press('', function () {
        var up = head.getAttribute('aria-sort') !== 'ascending'
        heads.forEach(function (x) { x.removeAttribute('aria-sort') })
        head.setAttribute('aria-sort', up ? 'ascending' : 'descending')
        rows.sort(function (a, b) {
          var x = key(a), y = key(b)
          if (x === '–' || y === '–') return (x === '–') - (y === '–')
          return (up ? 1 : -1) * order(x, y)
        })
        rows[0].parentNode.append.apply(rows[0].parentNode, rows)
      })
      button.append.apply(button, [].slice.call(head.childNodes))
      head.append(button)
    })
  }
  function filtered(table, rows) {
    var label = make('label', { 'class': 'tools js' }, told.filter), field = make('input', { type: 'search' })
    var count = make('output', {})
    field.addEventListener('input', function () {
      var asked = field.value.trim().toLowerCase(), left = 0
      rows.forEach(function (row) {
        row.hidden = words(row).toLowerCase().indexOf(asked) < 0
        left += !row.hidden
      })
      count.textContent = asked ? left + ' / ' + rows.length : ''
    })
    label.append(' ', field, ' ', count)
    ;(table.closest('.scroll') || table).before(label)
  }
  all('table.dt,table.ms,table.nm,table.po,#register').forEach(function (table) {
    var rows = all('tbody tr', table), wide = table.tHead && table.tHead.rows[0].children.length
    if (table.tBodies.length !== 1 || rows.length < 4) return
    if (rows.some(function (row) { return row.children.length !== wide })) return
    sortable(table, rows)
    if (rows.length > 12 && table.id !== 'register') filtered(table, rows)
  })

  // show the findings of one verdict
  var register = d.getElementById('register'), kinds = {}
  if (register) {
    var rows = all('tbody tr', register), verdicts = make('div', { 'class': 'tools js', role: 'group', 'aria-label': words(register.caption) })
    rows.forEach(function (row) { (kinds[row.dataset.w] = kinds[row.dataset.w] || []).push(row) })
    Object.keys(kinds).forEach(function (word) {
      var button = press(word + ' (' + kinds[word].length + ')', function () {
        var on = button.getAttribute('aria-pressed') !== 'true'
        all('button', verdicts).forEach(function (x) { x.setAttribute('aria-pressed', String(on && x === button)) })
        rows.forEach(function (row) { row.hidden = on && row.dataset.w !== word })
      })
      button.setAttribute('aria-pressed', 'false')
      verdicts.append(button)
    })
    if (Object.keys(kinds).length > 1) register.parentNode.before(verdicts)
  }

  // read the numbers of a drawing: with the pointer, with arrow keys, or with a slider
  function scale(text) {
    var part = text.split(' '), low = +part[1], wide = part[2] - low
    return function (cells) {
      var value = amount(words(cells[part[0]]))
      return ((part[3] ? Math.log10(value) : value) - low) / wide
    }
  }
  function readable(plot) {
    var figure = plot.closest('.fig'), svg = plot.querySelector('svg'), table = figure.querySelector('table.dt')
    if (!table) return
    var axes = plot.dataset.at.split(';').map(scale), heads = all('thead th', table).map(words), now = -1
    var points = all('tbody tr', table).map(function (row) {
      return { x: axes[0](row.children), y: axes[1](row.children), text: heads.map(function (head, i) { return head + ': ' + words(row.children[i]) }) }
    }).filter(function (p) { return p.x >= 0 && p.x <= 1 && p.y >= 0 && p.y <= 1 })
    if (!points.length) return
    var tip = make('div', { 'class': 'tip js', 'aria-hidden': 'true' }), dot = make('i', { 'class': 'dot js', 'aria-hidden': 'true' })
    tip.hidden = dot.hidden = true
    plot.append(dot, tip)
    function hide() { tip.hidden = dot.hidden = true }
    function show(i) {
      var p = points[now = i], height = svg.getBoundingClientRect().height
      dot.style.left = 100 * p.x + '%'; dot.style.top = (1 - p.y) * height + 'px'
      tip.textContent = p.text.join('\n')
      tip.style[p.x > .5 ? 'right' : 'left'] = 100 * (p.x > .5 ? 1 - p.x : p.x) + '%'
      tip.style[p.x > .5 ? 'left' : 'right'] = 'auto'
      tip.style.top = (1 - p.y) * height + 12 + 'px'
      tip.hidden = dot.hidden = false
      return p.text
    }
    plot.addEventListener('pointermove', function (e) {
      var box = svg.getBoundingClientRect(), best = 0, near = Infinity
      points.forEach(function (p, i) {
        var far = Math.hypot(p.x * box.width - e.clientX + box.left, (1 - p.y) * box.height - e.clientY + box.top)
        if (far < near) { near = far; best = i }
      })
      show(best)
    })
    plot.addEventListener('pointerleave', hide)
    addEventListener('keydown', function (e) { if (e.key === 'Escape') hide() })
    if (plot.dataset.row) return slider()
    set(plot, { tabindex: 0, role: 'slider', 'aria-label': words(svg.querySelector('title')) + '. ' + told.read, 'aria-valuemin': 1, 'aria-valuemax': points.length })
    function go(i) { set(plot, { 'aria-valuetext': show(i).join(', '), 'aria-valuenow': i + 1 }) }
    go(0)
    hide()
    plot.addEventListener('focus', function () { go(Math.max(now, 0)) })
    plot.addEventListener('blur', hide)
    plot.addEventListener('keydown', function (e) {
      var last = points.length - 1, to = { ArrowRight: now + 1, ArrowUp: now + 1, ArrowLeft: now - 1, ArrowDown: now - 1, Home: 0, End: last }[e.key]
      if (to === undefined) return
      e.preventDefault()
      go(Math.min(Math.max(to, 0), last))
    })
    function slider() {
      var label = make('label', { 'class': 'tools js' }, heads[0] + ' '), said = make('output', { 'class': 'js' })
      var field = make('input', { type: 'range', min: 0, max: points.length - 1, value: plot.dataset.row })
      function say() {
        var text = points[field.value].text
        field.setAttribute('aria-valuetext', text[0])
        said.textContent = text.join(' · ')
      }
      field.addEventListener('input', function () { show(+field.value); tip.hidden = true; say() })
      label.append(field)
      plot.parentNode.after(label, said)
      say()
    }
  }
  all('.xyw[data-at]').forEach(readable)

  // mark the section that is being read
  var links = all('nav.toc a')
  var seen = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      if (entry.isIntersecting) links.forEach(function (a) {
        if (a.hash === '#' + entry.target.id) a.setAttribute('aria-current', 'true'); else a.removeAttribute('aria-current')
      })
    })
  }, { rootMargin: '-10% 0px -80% 0px' })
  all('section.s').forEach(function (section) { seen.observe(section) })
})()
