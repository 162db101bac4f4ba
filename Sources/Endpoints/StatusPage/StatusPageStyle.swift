/// The styles of the status page and the runbooks, and the status page's icon.
enum StatusPageStyle {
    /// Colours have a contrast of 4.5 to 1 at least with what they stand on (WCAG 2.2, 1.4.3), in both schemes.
    static let text: StaticString = """
        :root { color-scheme: light dark;
          --page: #f5f6f8; --card: #fff; --line: #e1e4ea; --text: #1b1f27; --quiet: #59616f; --link: #1d56b8;
          --bad: #a3161f; --bad-tint: #fdebeb; --warning: #7a4700; --warning-tint: #fdf1dc; --info: #1c4f96;
            --info-tint: #e8f0fc;
          --good: #17602c; --good-tint: #e6f4ea; --neutral: #454d5a; --neutral-tint: #eceef2; }
        @media (prefers-color-scheme: dark) { :root {
          --page: #111318; --card: #191c23; --line: #2c313b; --text: #e7e9ee; --quiet: #9ba4b4; --link: #8ab4f8;
          --bad: #ffaca6; --bad-tint: #3c1a1d; --warning: #f4c878; --warning-tint: #362812; --info: #a5c8ff;
            --info-tint: #1a2a44;
          --good: #8fd8a4; --good-tint: #14301e; --neutral: #c3c9d4; --neutral-tint: #2a2f39; } }
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; }
        body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, "Segoe UI", Roboto,
          "Helvetica Neue", sans-serif;
          font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
        main, footer { max-width: 74rem; margin: 0 auto; padding: 0 1.5rem; }
        h1, h2, h3, p, dl, dd, ul { margin: 0; padding: 0; }
        h1 { font-size: 1.75rem; line-height: 1.2; letter-spacing: -.015em; font-weight: 650; }
        h2 { font-size: 1rem; font-weight: 650; margin-bottom: .625rem; }
        h3 { font-size: .9375rem; font-weight: 600; }
        a { color: var(--link); text-underline-offset: .15em; }
        a:not(:hover) { text-decoration-color: color-mix(in srgb, currentColor 40%, transparent); }
        :focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: .25rem; }
        small { font-size: .8125rem; color: var(--quiet); }
        code, .id { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size:
          .8125rem; }
        section, .legend { margin-top: 2rem; }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: .625rem; }
        header { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .125rem 1.5rem; padding:
          1.25rem 0 .75rem; }
        .brand { font-weight: 600; }
        .asof { color: var(--quiet); font-size: .8125rem; line-height: 1.5rem; }
        .bad { --tone: var(--bad); --tint: var(--bad-tint); }
        .warning { --tone: var(--warning); --tint: var(--warning-tint); }
        .info { --tone: var(--info); --tint: var(--info-tint); }
        .good { --tone: var(--good); --tint: var(--good-tint); }
        .neutral, .label, .all, .none { --tone: var(--neutral); --tint: var(--neutral-tint); }
        .label.bad { --tone: var(--bad); --tint: var(--bad-tint); }
        .label.warning { --tone: var(--warning); --tint: var(--warning-tint); }
        .label.info { --tone: var(--info); --tint: var(--info-tint); }
        .label.good { --tone: var(--good); --tint: var(--good-tint); }
        .verdict { background: var(--tint); border-left: .375rem solid var(--tone); border-radius: .625rem; padding:
          1.125rem 1.25rem; }
        .verdict h1 { color: var(--tone); }
        .verdict p { margin-top: .375rem; }
        .label { display: inline-block; background: var(--tint); color: var(--tone); border-radius: 1rem; padding: 0
          .625rem;
          font-size: .75rem; line-height: 1.5rem; font-weight: 600; letter-spacing: .01em; white-space: nowrap; }
        .counts { list-style: none; display: grid; grid-template-columns: repeat(8, 1fr); gap: .5rem; margin-top:
          .75rem; }
        .counts a { display: block; height: 100%; padding: .625rem .75rem; background: var(--card); color:
          var(--text); border: 1px solid var(--line);
          border-radius: .625rem; text-decoration: none; }
        .counts a:hover, .counts a[aria-current] { border-color: var(--tone); }
        .counts a[aria-current] { box-shadow: inset 0 0 0 1px var(--tone); }
        .counts .all[aria-current] { border-color: var(--quiet); box-shadow: none; }
        .counts b { display: block; font-size: 1.375rem; line-height: 1.25; font-weight: 650; color: var(--tone); }
        .counts span { font-size: .75rem; color: var(--quiet); white-space: nowrap; }
        .counts .none b { font-weight: 400; color: var(--quiet); }
        .account { display: grid; grid-template-columns: minmax(0, 16rem) minmax(0, 1fr); gap: .5rem 1.5rem;
          padding: .75rem 1.25rem; }
        .sole { grid-template-columns: auto minmax(0, 1fr); column-gap: 2.5rem; }
        .account + .account, summary + .account { margin-top: .5rem; }
        .state { align-self: center; } .state h3 { margin-bottom: .125rem; }
        .facts { display: flex; flex-wrap: wrap; gap: .375rem 1.5rem; } .facts div { min-width: 5.5rem; } .facts
          div:nth-child(-n+2) { min-width: 13.5rem; }
        .facts dt { font-size: .75rem; color: var(--quiet); }
        .facts small { white-space: nowrap; }
        .trouble { grid-column: 1 / -1; border-top: 1px solid var(--line); padding-top: .625rem; }
        .trouble p + p { margin-top: .125rem; } .trouble p:not(:first-child) { color: var(--quiet); }
        .trouble strong { font-weight: 600; } .trouble code { color: var(--bad); margin-right: .375rem; }
        summary { cursor: pointer; color: var(--quiet); padding: .375rem 0; }
        form { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: end; margin-bottom: .75rem; }
        form p { min-width: 0; } form p:first-child { flex: 1 1 16rem; max-width: 26rem; }
        label { display: block; font-size: .75rem; color: var(--quiet); }
        input, select, button { font: inherit; height: 2.25rem; color: var(--text); background: var(--card);
          border: 1px solid color-mix(in srgb, var(--quiet) 70%, transparent); border-radius: .4375rem; padding: 0
            .625rem; max-width: 100%; }
        input[type=search] { width: 100%; } select { max-width: 15rem; }
        button { font-weight: 600; padding: 0 1rem; margin-right: .5rem; cursor: pointer; } button:hover {
          border-color: var(--text); }
        .empty { padding: 1.25rem; }
        table { width: 100%; border-collapse: collapse; }
        caption { text-align: left; padding: .75rem 1.25rem; color: var(--quiet); border-bottom: 1px solid
          var(--line); }
        th, td { text-align: left; vertical-align: baseline; padding: .4375rem .625rem; }
        th:first-child, td:first-child { padding-left: 1.25rem; width: 9.5rem; } th:last-child, td:last-child {
          padding-right: 1.25rem; }
        thead th { font-size: .75rem; font-weight: 500; color: var(--quiet); padding-top: .625rem; padding-bottom:
          .25rem; }
        tbody tr { border-top: 1px solid var(--line); } tbody th { font-weight: 600; } tbody th i { font-weight:
          400; color: var(--quiet); }
        .age { white-space: nowrap; width: 8rem; } .id { color: var(--quiet); width: 23.5rem; max-width: 23.5rem; }
          .of { width: 10rem; }
        .note { color: var(--quiet); font-size: .8125rem; margin-top: .5rem; }
        .legend dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem 1.25rem;
          font-size: .875rem; }
        .legend dt { font-weight: 600; font-size: .8125rem; line-height: 1.3125rem; }
        .legend dd { color: var(--quiet); }
        footer { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .25rem 1.5rem; margin-top:
          2rem; padding-bottom: 2rem;
          color: var(--quiet); font-size: .875rem; }
        footer a { margin-right: 1rem; }
        @media (max-width: 64rem) { .counts { grid-template-columns: repeat(4, 1fr); } .id { width: 12rem;
          max-width: 12rem; } }
        @media (max-width: 46rem) {
          main, footer { padding-left: 1rem; padding-right: 1rem; }
          h1 { font-size: 1.4375rem; }
          header { padding-top: 1rem; }
          .counts { grid-template-columns: repeat(2, 1fr); }
          .counts a { display: flex; align-items: baseline; justify-content: space-between; flex-direction:
            row-reverse; padding: .375rem .75rem; }
          .counts b { font-size: 1.125rem; }
          .account, .sole { grid-template-columns: minmax(0, 1fr); padding: .875rem 1rem; }
          .state { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap:
            .125rem .75rem; }
          .facts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .5rem 1rem; }
          .facts div:nth-child(-n+2) { min-width: 0; } .facts small { display: block; }
          section, .legend, footer { margin-top: 1.5rem; }
          thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
          table, tbody { display: block; } caption { display: block; padding: .75rem 1rem; }
          tbody tr { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .125rem .75rem; padding:
            .625rem 1rem; }
          tbody tr:first-child { border-top: 0; }
          tbody th, tbody td { padding: 0 !important; width: auto !important; max-width: none !important; }
          tbody th { grid-row: 2; grid-column: 1 / -1; margin-top: .125rem; } .age { grid-row: 1; grid-column: 2;
            color: var(--quiet); } .of, .id { grid-column: 1 / -1; }
          .of { color: var(--quiet); }
          form p:first-child { flex-basis: 100%; max-width: none; } form p:not(:first-child) { flex: 1 1 8rem; }
            select { width: 100%; max-width: none; }
          .legend dl { grid-template-columns: minmax(0, 1fr); gap: 0; } .legend dd { margin-bottom: .5rem; }
        }

        """

    /// The styles of the runbooks besides `text`: a column for reading, and tables whose rows stay as they are.
    static let runbooks: StaticString = """
        .runbooks { max-width: 52rem; padding-bottom: 4rem; }
        .runbooks > * + * { margin-top: .75rem; }
        .runbooks h1 { margin-top: 2.5rem; } .runbooks header + nav + h1 { margin-top: 1.5rem; }
        .runbooks h2 { font-size: 1.25rem; margin: 2.5rem 0 0; scroll-margin-top: 1rem; } .runbooks h3 { font-size:
          1rem; margin-top: 1.5rem; }
        .runbooks h2:target { background: var(--info-tint); color: var(--info); border-radius: .3125rem; box-shadow: 0
          0 0 .375rem var(--info-tint); }
        .runbooks nav ul { list-style: none; columns: 17rem; font-size: .875rem; }
        .runbooks > ul, .runbooks > ol { margin-bottom: 0; padding-left: 1.5rem; } .runbooks li + li { margin-top:
          .25rem; }
        .runbooks hr { border: 0; border-top: 1px solid var(--line); margin-top: 2.5rem; }
        .runbooks pre { margin-bottom: 0; padding: .625rem .875rem; overflow-x: auto; overflow-wrap: normal;
          background: var(--card); border: 1px solid var(--line); border-radius: .625rem; }
        .runbooks table { display: table; background: var(--card); } .runbooks tbody { display: table-row-group; }
        .runbooks tbody tr, .runbooks tbody tr:first-child { display: table-row; border: 1px solid var(--line); }
        .runbooks tbody td, .runbooks tbody th { padding: .375rem .625rem !important; }
        .runbooks td:first-child, .runbooks th:first-child { overflow-wrap: normal; }
        .runbooks th { font-weight: 500; color: var(--quiet); font-size: .75rem; }

        """
}

extension Verdict.Level {
    /// The page's icon in a browser's tab: another shape for each level, not only another colour.
    var icon: StaticString {
        switch self {
        case .neutral:
            """
            data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6' \
            fill='none' stroke='%23808896' stroke-width='3'/%3E%3C/svg%3E
            """
        case .good:
            """
            data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='8' \
            fill='%23218739'/%3E%3Cpath d='M4 8.5l3 3 5-6' fill='none' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E
            """
        case .warning:
            """
            data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M8 0l8 15H0z' \
            fill='%23d98a00'/%3E%3C/svg%3E
            """
        case .bad:
            """
            data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' \
            fill='%23c5221f'/%3E%3Cpath d='M8 3v6m0 2v2' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E
            """
        }
    }
}
