// What is in force, with secrets masked by the daemon.
import { get } from '../api';
import { PageHead } from '../ui/basics';
import { Show, useLoad } from '../ui/load';

export function ConfigurationPage() {
  const loaded = useLoad('config', (signal) => get<{ toml: string }>('config', {}, signal));
  return (
    <>
      <PageHead title="Configuration">
        <p class="faint">Effective: defaults, files, environment and flags together. Secrets are masked.</p>
      </PageHead>
      <Show of={loaded}>
        {({ toml }) => (
          <pre class="config" tabIndex={0} role="region" aria-label="Effective configuration">
            {toml}
          </pre>
        )}
      </Show>
    </>
  );
}
