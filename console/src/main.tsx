// Where the page begins.
import { render } from 'preact';

import { App } from './app';
import { applyKept } from './ui/theme';
import './styles/base.css';
import './styles/frame.css';
import './styles/parts.css';
import './styles/forms.css';
import './styles/views.css';

applyKept();
const place = document.getElementById('app');
if (place) render(<App />, place);
