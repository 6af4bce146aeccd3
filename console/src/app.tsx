// The frame: who is signed in, where they are, and how to go elsewhere.
import { useEffect, useRef, useState } from 'preact/hooks';

import { ApiError, segment, session, signOut, whenSignedOut } from './api';
import { setLive, useConnected } from './live';
import { type Place, href, usePlace } from './router';
import type { Session } from './types';
import { Announcer, announceError } from './ui/announce';
import { Badge, PageHead } from './ui/basics';
import { Refused } from './ui/load';
import { SessionContext } from './ui/session';
import { type Theme, useTheme } from './ui/theme';
import { CallbackPage } from './pages/callback';
import { CallbacksPage } from './pages/callbacks';
import { ConfigurationPage } from './pages/configuration';
import { DestinationPage } from './pages/destination';
import { DestinationsPage } from './pages/destinations';
import { FunctionPage } from './pages/function';
import { FunctionsPage } from './pages/functions';
import { HealthPage } from './pages/health';
import { InvocationPage } from './pages/invocation';
import { InvocationsPage } from './pages/invocations';
import { OperationPage, OperationsPage } from './pages/operations';
import { Overview } from './pages/overview';
import { SignIn } from './pages/sign-in';

const PAGES: [string, string][] = [
  ['', 'Overview'],
  ['functions', 'Functions'],
  ['invocations', 'Invocations'],
  ['destinations', 'Destinations'],
  ['callbacks', 'Callbacks'],
  ['operations', 'Operations'],
  ['configuration', 'Configuration'],
  ['health', 'Store and cluster'],
];

type State = { at: 'asking' } | { at: 'refused'; error: ApiError } | { at: 'out'; was: boolean } | { at: 'in'; session: Session };

export function App() {
  const [state, setState] = useState<State>({ at: 'asking' });
  const [theme, setTheme] = useTheme();
  const ask = () => {
    setState({ at: 'asking' });
    session().then(
      (found) => setState(found ? { at: 'in', session: found } : { at: 'out', was: false }),
      (error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        setState({ at: 'refused', error });
      },
    );
  };
  useEffect(ask, []);
  useEffect(() => whenSignedOut(() => setState({ at: 'out', was: true })), []);
  useEffect(() => setLive(state.at === 'in'), [state.at]);

  const leave = async () => {
    try {
      await signOut();
      setState({ at: 'out', was: false });
    } catch (error) {
      announceError(error);
    }
  };

  return (
    <>
      {state.at === 'asking' && (
        <p class="loading" role="status">
          Loading…
        </p>
      )}
      {state.at === 'refused' && (
        <main class="sign-in" id="main">
          <h1 id="title">invoked</h1>
          <Refused error={state.error} retry={ask} />
        </main>
      )}
      {state.at === 'out' && (
        <SignIn wasSignedIn={state.was} onSession={(found) => setState({ at: 'in', session: found })} />
      )}
      {state.at === 'in' && (
        <SessionContext.Provider value={state.session}>
          <Frame session={state.session} theme={theme} setTheme={setTheme} leave={() => void leave()} />
        </SessionContext.Provider>
      )}
      <Announcer />
    </>
  );
}

function Frame({
  session: who,
  theme,
  setTheme,
  leave,
}: {
  session: Session;
  theme: Theme;
  setTheme: (theme: Theme) => void;
  leave: () => void;
}) {
  const place = usePlace();
  // The one page that not every role may read.
  const shown = PAGES.filter(([name]) => name !== 'configuration' || who.operations.includes('getConfiguration'));
  const main = useRef<HTMLElement>(null);
  const route = place.path.join('/');
  const isFirst = useRef(true);
  useEffect(() => {
    // The first page is where the reader begins anyway; from then on a page that was opened is where they go on.
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    scrollTo(0, 0);
    main.current?.querySelector<HTMLElement>('#title')?.focus({ preventScroll: true });
  }, [route]);
  const skip = (event: Event) => {
    // A fragment would be taken for a page.
    event.preventDefault();
    main.current?.querySelector<HTMLElement>('#title')?.focus();
  };
  return (
    <div class="frame">
      <a class="skip" href="#title" onClick={skip}>
        Skip to the page
      </a>
      <header class="bar">
        <a class="mark" href={href([])}>
          invoked
        </a>
        <Connection />
        <span class="grow" />
        <span class="faint" title="All times of this page">
          UTC
        </span>
        <label class="theme">
          <span class="hidden">Theme</span>
          <select value={theme} onChange={(event) => setTheme(event.currentTarget.value as Theme)}>
            <option value="system">System theme</option>
            <option value="light">Light</option>
            <option value="dark">Dark</option>
          </select>
        </label>
        <span class="who">
          {who.name ?? 'this machine'} <Badge tone="idle">{who.role}</Badge>
        </span>
        {who.needs_token && (
          <button type="button" onClick={leave}>
            Sign out
          </button>
        )}
      </header>
      <nav class="pages" aria-label="Pages of the console">
        <ul>
          {shown.map(([name, title]) => (
            <li key={name}>
              <a href={href(name === '' ? [] : [name])} {...(isAt(place, name) && { 'aria-current': 'page' as const })}>
                {title}
              </a>
            </li>
          ))}
        </ul>
        <p class="faint version">{who.version}</p>
      </nav>
      <main id="main" ref={main}>
        <Page key={`${route}?${place.query}`} place={place} />
      </main>
    </div>
  );
}

function isAt({ path }: Place, name: string): boolean {
  const first = path[0] ?? '';
  return (first === 'tasks' ? 'invocations' : first) === name;
}

function Connection() {
  const isConnected = useConnected();
  return (
    <span class="connection" role="status">
      <Badge tone={isConnected ? 'good' : 'warn'}>{isConnected ? 'Live' : 'Not live'}</Badge>
    </span>
  );
}

function Page({ place }: { place: Place }) {
  const [page, id, task] = place.path;
  const account = place.query.get('account');
  switch (page) {
    case undefined:
      return <Overview />;
    case 'functions':
      return id === undefined ? <FunctionsPage place={place} /> : <FunctionPage name={id} place={place} />;
    case 'invocations':
      return id === undefined ? (
        <InvocationsPage place={place} />
      ) : (
        <InvocationPage path={`invocations/${segment(id)}`} account={null} title={id} />
      );
    case 'tasks':
      if (id === undefined || task === undefined) return <InvocationsPage place={place} />;
      return <InvocationPage path={`tasks/${segment(id)}/${segment(task)}`} account={account} title={task} />;
    case 'destinations':
      return id === undefined ? <DestinationsPage /> : <DestinationPage arn={id} />;
    case 'callbacks':
      return id === undefined ? <CallbacksPage place={place} /> : <CallbackPage id={id} />;
    case 'operations':
      return id === undefined ? <OperationsPage /> : <OperationPage id={id} />;
    case 'configuration':
      return <ConfigurationPage />;
    case 'health':
      return <HealthPage />;
    default:
      return (
        <>
          <PageHead title="No such page" />
          <p class="empty">
            <a href={href([])}>To the overview</a>
          </p>
        </>
      );
  }
}
