import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { takeToken } from './api/token';
import { App } from './app/App';
import './app/styles';
import { startI18n } from './i18n';

// A file that is dropped beside the place for it would replace the page.
for (const kind of ['dragover', 'drop']) {
  window.addEventListener(kind, (event) => event.preventDefault());
}

takeToken();
startI18n();
createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
